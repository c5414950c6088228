# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    CollectionError,
    InvalidInput,
    TimedOut,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import FlowRequest, Observation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.verdicts import LastingReader


class Relay:
    """A relay that answers, or breaks with an error; each reader of it is counted."""

    source = "relay"

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.error: CollectionError | None = None

    @contextmanager
    def connected(self) -> Iterator[Relay]:
        if self.error is not None:
            raise self.error
        self.opened += 1
        yield self
        self.closed += 1

    def read(self, request: FlowRequest) -> Observation:
        if self.error is not None:
            raise self.error
        return Observation(self.source, seen=7)


def test_one_reader_serves_while_it_works() -> None:
    relay = Relay()
    with LastingReader(relay.connected) as reader:
        assert [reader.read(FlowRequest()).seen for __ in range(2)] == [7, 7]
        assert (reader.source, relay.opened, relay.closed) == ("relay", 1, 0)
    assert relay.closed == 1


@pytest.mark.parametrize("error", [Unreachable("Socket closed."), TimedOut("too slow.")], ids=repr)
def test_a_relay_that_restarts_is_opened_anew(error: CollectionError) -> None:
    relay = Relay()
    with LastingReader(relay.connected) as reader:
        relay.error = error
        # While it is read, and while it is opened.
        for __ in range(2):
            seen = reader.read(FlowRequest())
            assert (seen.flows, seen.seen) == ([], 0)
            assert seen.problems == [f"Hubble did not answer every time: {error.message}"]
        relay.error = None
        assert reader.read(FlowRequest()).seen == 7
        assert (relay.opened, relay.closed) == (2, 1)


def test_a_run_does_not_begin_without_a_reader() -> None:
    relay = Relay()
    relay.error = Unreachable("no relay")
    with pytest.raises(Unreachable), LastingReader(relay.connected):
        pass


def test_a_refused_question_is_no_accident() -> None:
    relay = Relay()
    with LastingReader(relay.connected) as reader:
        relay.error = InvalidInput("bad filter")
        with pytest.raises(InvalidInput):
            reader.read(FlowRequest())
