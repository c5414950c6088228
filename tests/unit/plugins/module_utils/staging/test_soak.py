# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    InvalidInput,
    NotFound,
    OperationFailed,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.canary import run_canary
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.soak import Options, Soak
from fakes import FakeClock, FakeKube
from staging_flows import FakeFlows, first_packet, pod_end
from staging_timer import policy

PARAMS: dict[str, Any] = {
    "namespaces": ["shop"],
    "system_namespaces": [],
    "duration": 60,
    "prediction": None,
    "positive_control": None,
    "negative_control": None,
    "max_lost": 0,
    "cilium_namespace": "kube-system",
}
ANY = "allow-any-ingress"
COVERED = first_packet(by=["learned-web"])
UNCOVERED = first_packet(source=pod_end("other", "stranger"), derived=ANY)
CONTROL = {
    "from": {"namespace": "shop", "pod": "client-1", "container": None},
    "to": {"host": "10.0.0.2", "port": 80},
}
CANARY: dict[str, Any] = {
    "client": {"namespace": "shop", "pod": "client-1", "container": None},
    "server": {"namespace": "shop", "pod": "web-1"},
    "port": 80,
    "timeout": 10,
    "max_lost": 0,
    "cilium_namespace": "kube-system",
}


def document(kind: str, name: str, namespace: str | None = None, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), "uid": name}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


class World:
    """A cluster whose pods connect when they are told to; each connection then has the verdicts of `shows`."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        listen = policy("learned-listen")
        listen["metadata"]["labels"]["cloudnet.aks-cilium/role"] = "listen"
        self.kube = FakeKube(exec_answers=self.connect).add(
            document("Namespace", "shop"),
            document("Namespace", "kube-system"),
            document("Pod", "client-1", "shop", status={"podIP": "10.0.0.1"}),
            document("Pod", "web-1", "shop", status={"podIP": "10.0.0.2"}),
            policy("learned-web"),
            listen,
        )
        self.flows = FakeFlows(self.clock)
        self.shows: list[dict[str, Any]] = []
        self.output = "0 exit=0\n0 time_connect=0.1\n"

    def connect(self, namespace: str, pod: str, command: Sequence[str], container: str | None) -> Completed:
        first_port = int(command[7].split("-")[0])
        for index, flow in enumerate(self.shows):
            tcp = {"source_port": first_port, "destination_port": 80}
            self.flows.at.append((self.clock.now + 0.3 + index / 10, {**flow, "l4": {"TCP": tcp}}))
        self.flows.at.sort(key=lambda item: item[0])
        return Completed(command, 0, self.output, "")

    def soak(self, *, check_mode: bool = False, **params: Any) -> Any:
        options = Options.of({**PARAMS, **params})
        soak = Soak(self.kube, self.kube.exec, self.flows.open, options, monotonic=self.clock.monotonic)
        return soak.run(check_mode=check_mode)

    def fails(self, **params: Any) -> OperationFailed:
        with pytest.raises(OperationFailed) as caught:
            self.soak(**params)
        return caught.value


@pytest.fixture
def world() -> World:
    return World()


def test_all_is_explained(world: World) -> None:
    world.flows.every(2, 30, COVERED)
    world.flows.every(10, 30, first_packet(derived="allow-localhost-ingress"))
    world.flows.every(10, 30, first_packet(destination=pod_end("other", "x"), derived=ANY))
    result = world.soak()
    assert not result.changed
    assert result.values["passed"]
    assert result.values["summary"] == {
        "seconds": 64,
        "first_packets": 18,
        "explained": 18,
        "predicted": 0,
        "unexplained": 0,
        "dropped": 0,
    }
    assert result.values["by_policy"] == {
        "CiliumNetworkPolicy shop/learned-web": 15,
        "allow-localhost-ingress": 3,
    }
    assert "nothing was dropped; nothing is missing" in result.values["lines"][0]


def test_an_unexplained_connection_ends_it_with_all_that_came_beside_it(world: World) -> None:
    world.flows.at = [
        (5.0, UNCOVERED),
        (6.0, first_packet(source=pod_end("other", "second"), derived=ANY)),
        (6.5, UNCOVERED),
    ]
    error = world.fails()
    assert error.code == "UnexplainedConnections"
    assert error.message == (
        "2 connections would be denied that were not predicted: other/Deployment/stranger ->"
        " shop/Deployment/web:80/TCP, other/Deployment/second -> shop/Deployment/web:80/TCP."
    )
    assert [row["count"] for row in error.details["review"]] == [1, 2]
    assert world.clock.now < 12


def test_a_listening_policy_explains_nothing(world: World) -> None:
    world.flows.at = [(5.0, first_packet(by=["learned-listen"]))]
    assert world.fails().code == "UnexplainedConnections"


def test_a_verdict_without_any_reason_explains_nothing(world: World) -> None:
    world.flows.at = [(5.0, first_packet())]
    assert world.fails().code == "UnexplainedConnections"


def prediction(name: str) -> dict[str, Any]:
    edge = {"source": "other/Deployment/stranger", "destination": "shop/Deployment/web", "protocol": "TCP", "port": 80}
    return {"prediction": {name: [edge]}}


def test_what_was_predicted_is_told_and_fine(world: World) -> None:
    world.flows.every(20, 60, UNCOVERED)
    result = world.soak(**prediction("denied"))
    assert result.values["summary"]["predicted"] == 3
    (row,) = result.values["unexplained"]
    assert (row["predicted"], row["count"]) == (True, 3)


def test_a_new_drop_fails_and_one_that_was_known_does_not(world: World) -> None:
    drop = first_packet("INGRESS", "DROPPED", source=pod_end("other", "stranger"))
    world.flows.at = [(5.0, drop)]
    assert world.soak(**prediction("already_denied")).values["summary"]["dropped"] == 1
    world.clock.now = 0.0
    world.flows.at = [(5.0, drop)]
    error = world.fails()
    assert error.code == "NewDrops"
    assert error.details["dropped"][0]["edge"] == "other/Deployment/stranger -> shop/Deployment/web:80/TCP"


def lose(world: World) -> None:
    world.flows.lost = 2


def go_away(world: World) -> None:
    world.flows.problems.append("n1 has overwritten flows while the connection was broken.")


def break_down(world: World) -> None:
    world.flows.blind_s = 1.0


@pytest.mark.parametrize("happens", [lose, go_away, break_down])
def test_missing_verdicts_prove_nothing(world: World, happens: Any) -> None:
    world.flows.at = [(5.0, lambda: happens(world))]
    assert world.fails().code == "FlowsIncomplete"


def test_so_many_lost_events_may_be_accepted(world: World) -> None:
    world.flows.lost = 2
    assert world.soak(max_lost=2).values["passed"]


def test_the_positive_control_must_be_unexplained(world: World) -> None:
    world.shows = [first_packet("EGRESS", derived="allow-any-egress"), first_packet(derived=ANY)]
    result = world.soak(positive_control=CONTROL)
    assert result.values["controls"] == {"positive": "allow-any-egress, allow-any-ingress"}
    assert result.values["summary"]["unexplained"] == 0, "a control is not judged like the others"
    world.shows = [first_packet("EGRESS", by=["learned-web"]), COVERED]
    error = world.fails(positive_control=CONTROL)
    assert error.code == "ControlFailed"
    assert "which no policy covers, showed: CiliumNetworkPolicy shop/learned-web" in error.message


def test_the_negative_control_must_name_a_policy(world: World) -> None:
    world.shows = [first_packet("EGRESS", by=["learned-web"]), COVERED]
    result = world.soak(negative_control=CONTROL)
    assert result.values["controls"] == {"negative": "CiliumNetworkPolicy shop/learned-web"}
    world.shows = [first_packet("EGRESS", by=["learned-web"]), first_packet(derived=ANY)]
    assert world.fails(negative_control=CONTROL).code == "ControlFailed"
    world.shows = []
    assert world.fails(negative_control=CONTROL).code == "ControlNotSeen", "nobody could see: it may be tried again"


def test_a_control_that_shows_nothing_fails(world: World) -> None:
    error = world.fails(positive_control=CONTROL)
    assert "showed: no verdict" in error.message


def test_where_only_one_end_is_a_pod_one_verdict_is_enough(world: World) -> None:
    world.shows = [first_packet("EGRESS", derived="allow-any-egress", destination={"labels": ["reserved:world"]})]
    world.soak(positive_control=CONTROL, duration=1)
    assert world.clock.now < 12


def test_a_control_that_cannot_connect_is_told(world: World) -> None:
    world.output = "0 missing=curl\n"
    with pytest.raises(OperationFailed, match="positive_control: There is no program curl"):
        world.soak(positive_control=CONTROL)
    gone = {**CONTROL, "from": {"namespace": "shop", "pod": "gone", "container": None}}
    with pytest.raises(NotFound, match="shop/gone does not exist"):
        world.soak(positive_control=gone)


def test_check_mode_watches_nothing(world: World) -> None:
    result = world.soak(check_mode=True)
    assert (result.changed, result.values["passed"]) == (False, False)
    assert world.clock.now == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("duration", 0),
        ("positive_control", {**CONTROL, "to": {"host": "x", "port": 0}}),
        ("prediction", {"denied": [1]}),
    ],
)
def test_options_are_checked(option: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Options.of({**PARAMS, option: value})
    assert caught.value.option == option


def canary(world: World, *, check_mode: bool = False, **params: Any) -> Any:
    return run_canary(
        world.kube,
        world.kube.exec,
        world.flows.open,
        {**CANARY, **params},
        check_mode=check_mode,
        monotonic=world.clock.monotonic,
    )


def test_a_canary_is_seen_at_both_ends(world: World) -> None:
    world.flows.every(0.2, 2, COVERED)
    world.shows = [first_packet("EGRESS", derived="allow-any-egress"), first_packet(derived=ANY)]
    values = canary(world).values
    assert (values["passed"], values["egress_s"], values["ingress_s"], values["lost_events"]) == (True, 0.3, 0.4, 0)
    assert values["lines"] == [
        "shop/client-1 to shop/web-1:80 was shown by Hubble: egress after 0.3 s, ingress after 0.4 s"
    ]


@pytest.mark.parametrize(
    ("shows", "missing"),
    [
        ([], "no egress and no ingress verdict"),
        ([first_packet("EGRESS")], "no ingress verdict"),
        ([first_packet("INGRESS")], "no egress verdict"),
    ],
)
def test_a_canary_that_is_not_seen_stops_everything(world: World, shows: list[Any], missing: str) -> None:
    world.shows = shows
    with pytest.raises(OperationFailed, match=f"within 10 s: {missing} .the server answered") as caught:
        canary(world)
    assert caught.value.code == "CanaryNotSeen"
    assert world.clock.now >= 10


def test_a_canary_with_losses_stops_everything(world: World) -> None:
    world.shows = [first_packet("EGRESS"), first_packet("INGRESS")]
    world.flows.lost = 1
    with pytest.raises(OperationFailed, match="flows are missing"):
        canary(world)
    assert canary(world, max_lost=1).values["lost_events"] == 1
    agent = document("Pod", "cilium-2", "kube-system", spec={"nodeName": "n2"})
    agent["metadata"]["labels"] = {"k8s-app": "cilium"}
    world.kube.add(agent)
    with pytest.raises(OperationFailed, match="No flows from n2"):
        canary(world, max_lost=1)


def test_a_canary_needs_its_pods(world: World) -> None:
    with pytest.raises(InvalidInput, match="server: the pod shop/x does not exist"):
        canary(world, server={"namespace": "shop", "pod": "x"})
    world.kube.add(document("Pod", "new", "shop", status={}))
    with pytest.raises(InvalidInput, match="client: the pod shop/new has no address"):
        canary(world, client={"namespace": "shop", "pod": "new"})
    with pytest.raises(InvalidInput, match="timeout=0"):
        canary(world, timeout=0)


def test_a_canary_in_check_mode_connects_nobody(world: World) -> None:
    assert canary(world, check_mode=True).values["passed"] is False
    assert world.kube.execs == []


def test_what_the_node_itself_opens_is_not_told_as_if_nothing_covered_it(world: World) -> None:
    kubelet = {"labels": ["reserved:host"], "identity": 1}
    world.flows.every(10, 30, first_packet(source=kubelet, derived=ANY))
    assert world.soak().values["by_policy"] == {"the node itself": 3}
