# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the examples rest on: nothing is passed over, and what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_blocks import ROOT, Block, blocks_of
from example_pages import Page
from example_plugins import Example, Exceptional, problems_of_options
from example_runs import Command, Place, commands_of, play, run_commands, unlike, without_credentials, write_play
from example_specs import problems_of_plays, problems_of_variables

FENCE = "```"


def page(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def said(*lines: str) -> list[str]:
    """What is wrong with a page."""
    __, errors = blocks_of("docs/page.md", page(*lines))
    return [str(error) for error in errors]


def only(*lines: str) -> Block:
    blocks, errors = blocks_of("docs/page.md", page(*lines))
    assert not errors
    assert len(blocks) == 1
    return blocks[0]


def test_a_block_without_a_comment_is_named_by_file_and_line() -> None:
    wrong = said("# Title", "", f"{FENCE}yaml", "a: 1", FENCE)
    assert wrong == [
        "docs/page.md:3: nothing says how this yaml block is tested: write <!-- example: KIND --> above it"
    ]


@pytest.mark.parametrize(
    ("comment", "fence", "words"),
    [
        ("<!-- example: dance -->", "yaml", "unknown kind of example 'dance'"),
        ("<!-- example: tasks -->", "console", "tasks is written in yaml, yml, not in console"),
        ("<!-- example: syntax -->", "yaml", "`syntax` needs a reason"),
        ("<!-- example: syntax because: -->", "yaml", "'because:' is not understood"),
        ("<!-- example: tasks check -->", "yaml", "`check` needs a reason"),
        ("<!-- example: vars check because: so -->", "yaml", "check is for tasks, playbook, azure"),
        ("<!-- example: tasks slowly -->", "yaml", "'slowly' is not understood"),
        ("<!-- example: tasks -->", "", "has no language"),
        ("", "toml", "nothing says how this toml block is tested"),
    ],
)
def test_a_comment_that_says_too_little_or_too_much_is_refused(comment: str, fence: str, words: str) -> None:
    wrong = said(comment, f"{FENCE}{fence}", "a: 1", FENCE)
    assert len(wrong) == 1
    assert wrong[0].startswith("docs/page.md:2: ")
    assert words in wrong[0]


def test_a_comment_with_nothing_right_below_it_and_an_open_block_are_refused() -> None:
    assert "marks no block" in said("<!-- example: vars -->", "", "text")[0]
    assert "never closed" in said("<!-- example: vars -->", f"{FENCE}yaml", "a: 1")[0]


def test_every_wrong_block_of_a_page_is_named() -> None:
    assert len(said(f"{FENCE}yaml", "a: 1", FENCE, f"{FENCE}bash", "ls", FENCE)) == 2


def test_text_directives_and_blocks_inside_of_blocks_are_no_examples() -> None:
    inner = ("````text", "<!-- example: vars -->", f"{FENCE}yaml", "a: 1", FENCE, "````")
    assert blocks_of("a.md", page(f"{FENCE}text", "hm", FENCE, f"{FENCE}{{note}}", "hm", FENCE, *inner)) == ([], [])


def test_a_block_in_a_list_loses_its_indent_and_a_comment_may_have_several_lines() -> None:
    found = only(
        "- a list:",
        "",
        "  <!-- example: tasks check as: group_vars/all.yml",
        "       because: there is",
        "       no registry -->",
        f"  {FENCE}yaml",
        "  - a:",
        "      b",
        f"  {FENCE}",
    )
    assert found.text == "- a:\n    b\n"
    assert (found.kind, found.check, found.because) == ("tasks", True, "there is no registry")
    assert (found.as_file, found.line, found.how) == ("group_vars/all.yml", 6, "checked")


def test_variables_are_judged_by_name_type_and_choices() -> None:
    wrong = problems_of_variables(
        {
            "cilium_colour": "blue",
            "cilium_state": "broken",
            "cilium_wait_timeout": "soon",
            "policy_hardening_namespaces": {"a": 1},
            "colour": "blue",
            "cilium_kubeconfig": "~/.kube/{{ inventory_hostname }}",
            "cilium_operator_replicas": 2,
            "ansible_connection": "local",
            "aks_clusters": "all",
        },
        all_known=True,
    )
    assert [text.split(":")[0] for text in wrong] == [
        "cilium_colour",
        "cilium_state",
        "cilium_wait_timeout",
        "policy_hardening_namespaces",
        "colour",
    ]


def test_variables_that_plays_give_to_roles_are_judged_as_well() -> None:
    task = {"ansible.builtin.import_role": {"name": "x"}, "vars": {"flow_report_htm": "a"}}
    assert problems_of_plays([{"hosts": "all", "tasks": [{"block": [task]}]}]) == [
        "flow_report_htm: the role flow_report has no such variable"
    ]


def test_a_console_has_commands_and_what_they_print() -> None:
    text = "$ one \\\n>   two\nprinted 1\n$ three\n"
    assert commands_of("console", text) == [Command("one \\\n  two", ("printed 1",)), Command("three")]


def test_output_is_compared_in_shape() -> None:
    assert unlike(("ok=3 changed=0", "took ... s"), "start\nok=12   changed=0\ntook 5 or 6 s\n") == ""
    assert unlike(("ok=3 failed=0",), "ok=3 broken=0\n") == "ok=3 failed=0"
    assert unlike(("b", "a"), "a\nb\n") == "a"


def test_credentials_in_an_example_do_not_replace_those_of_the_stand_in() -> None:
    script = "export AZURE_TENANT_ID=... \\\n  AZURE_CLIENT_ID=...\nexport OTHER=1\nls\n"
    assert without_credentials(script) == "export OTHER=1\nls\n"


def place(folder: Path) -> Place:
    found = Place(folder)
    found.prepare()
    return found


def test_a_command_that_fails_or_prints_something_else_is_a_failure(tmp_path: Path) -> None:
    here = place(tmp_path)
    assert run_commands(here, [Command("echo 12", ("3",)), Command("true")]) == ("12\n", "")
    assert "printed nothing like 'x'" in run_commands(here, [Command("echo 12", ("x",))])[1]
    assert "false\nended with status 1" in run_commands(here, [Command("true"), Command("false"), Command("true")])[1]


def test_a_task_that_fails_is_named_and_a_play_without_tasks_is_a_failure(tmp_path: Path) -> None:
    here = place(tmp_path)
    tasks = [{"name": "Go wrong", "ansible.builtin.fail": {"msg": "this way"}}]
    assert play(here, write_play(tmp_path / "a.yml", here, tasks)).problem().startswith("task 'Go wrong' failed: this")
    nobody = tmp_path / "b.yml"
    nobody.write_text("- hosts: nobody\n  tasks:\n    - ansible.builtin.debug:\n", encoding="utf-8")
    assert "no task was run" in play(here, nobody).problem()


def test_offline_kinds_say_what_is_wrong(tmp_path: Path) -> None:
    def problem(kind: str, language: str, text: str) -> str:
        block = Block("docs/page.md", 1, language, text, kind, because="so")
        return Page("docs/page.md", [block], place(tmp_path)).run(block)

    assert problem("vars", "yaml", "cilium_state: managed\n") == ""
    assert "cilium_stat:" in problem("vars", "yaml", "cilium_stat: managed\n")
    assert problem("inventory", "yaml", "all: {hosts: {a: {cilium_state: managed}}}\n") == ""
    assert "cilium_state" in problem("inventory", "yaml", "all: {hosts: {a: {cilium_state: maybe}}}\n")
    assert problem("inventory", "ini", "[all]\na cilium_state=managed\n") == ""
    assert problem("config", "ini", "[defaults]\nforks = 5\n") == ""
    assert "[defaults] folks" in problem("config", "ini", "[defaults]\nfolks = 5\n")
    assert problem("syntax", "bash", "for a in b; do ls; done\n") == ""
    assert problem("syntax", "bash", "for a in b; do ls\n")
    assert problem("syntax", "yaml", "- hosts: all\n  tasks:\n    - ansible.builtin.debug:\n") == ""
    assert problem("syntax", "yaml", "- hosts: all\n  tasks:\n    - ansible.builtin.debugg:\n")


def test_a_block_that_another_test_executes_is_the_text_of_that_file(tmp_path: Path) -> None:
    file = "tests/examples/application.yml"
    text = (ROOT / file).read_text(encoding="utf-8")

    def problem(changed: str, name: str = file) -> str:
        block = Block("docs/page.md", 1, "yaml", changed, "syntax", because=f"{name}, which a test runs")
        assert block.how == "executed by another test"
        return Page("docs/page.md", [block], Place(tmp_path)).run(block)

    assert problem("\n".join(text.splitlines()[5:9])) == ""
    assert "does not say 'hosts: some'" in problem(text.replace("hosts: all", "hosts: some"))
    assert problem(text, "tests/nothing.yml") == "there is no tests/nothing.yml"


def test_options_of_a_task_that_is_not_run_are_looked_up() -> None:
    def problem(options: dict[str, object]) -> str:
        task = {"name": "a", "cloudnet.aks_cilium.aks_cluster": options}
        return problems_of_options(Example("aks_cluster", 0, task, Exceptional("so", "parsed")))

    assert problem({"name": "a", "network_profile": {"network_plugin": "none"}}) == ""
    assert problem({"name": "a", "network_profile": {"network_plug": "none"}}) == (
        "there is no option network_profile.network_plug"
    )
    assert "state is one of" in problem({"name": "a", "state": "gone"})
