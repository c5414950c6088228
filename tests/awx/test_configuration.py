# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""playbooks/awx.yml with the real modules of awx.awx, against a small stand-in for AWX's API."""

from __future__ import annotations

import functools
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx_rules import choices_of, inject, launch_variables, survey_problems, variables_of
from fake_awx import API, TOKEN, FakeAwx, served
from neighbours import neighbours

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import credential
from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import survey

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "awx_setup"
Json = dict[str, Any]
# A team of its own: another organization, a private repository and registry, credentials that exist.
VARIABLES: Json = {
    "awx_setup_organization": "Network",
    "awx_setup_prefix": "Net",
    "awx_setup_scm_url": "https://git.example.com/network/clusters.git",
    "awx_setup_scm_branch": "main",
    "awx_setup_scm_credential": "git",
    "awx_setup_image": "registry.example.com/aks-cilium-ee:1",
    "awx_setup_image_credential": "registry",
    "awx_setup_azure_credential": "azure",
    "awx_setup_credentials": ["azure"],
    "awx_setup_clusters": [{"name": "prod", "variables": {"aks_cluster_resource_group": "rsg-prod"}}, {"name": "own"}],
    "awx_setup_cluster_variables": {"policy_hardening_soak": 86400},
    "awx_setup_survey_defaults": {"policy_hardening_soak": 7200},
    "awx_setup_survey_leave_out": ["policy_hardening_dead_man"],
    "awx_setup_namespaces": ["shop", "backend"],
    "awx_setup_approval_timeout": 86400,
}
TEMPLATES = {"build", "status", "observe", "shadow", "enforce", "drift", "report", "break glass", "teardown"}
RECAP = re.compile(r"^localhost +: ok=(\d+) +changed=(\d+) +unreachable=0 +failed=(\d+)", re.MULTILINE)


def role_file(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


class Run:
    """One run of the playbook: what it printed, and its figures."""

    def __init__(self, awx: FakeAwx, home: Path, *words: str, **variables: Any) -> None:
        before = len(awx.writes)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWX_"))}
        environment |= {
            "HOME": str(home),
            "CONTROLLER_HOST": awx.address,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / '.ansible' / 'collections'}{os.pathsep}{neighbours()}",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
        }
        values = {**VARIABLES, **variables}
        file = home / "variables.json"
        file.write_text(json.dumps(values), encoding="utf-8")
        program = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [program, "playbooks/awx.yml", "-e", f"@{file}", *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.text = done.stdout
        self.code = done.returncode
        self.writes = awx.writes[before:]
        recap = RECAP.search(done.stdout)
        assert recap, done.stdout
        self.ok, self.changed, self.failed = (int(part) for part in recap.groups())


@pytest.fixture(scope="module")
def awx() -> Iterator[FakeAwx]:
    """AWX with an organization, its credentials and a type of AWX's own."""
    playbooks = [str(path.relative_to(ROOT)) for path in ROOT.glob("playbooks/**/*.yml")]
    with served(FakeAwx(playbooks)) as running:
        organization = running.seed("organizations", name="Network")["id"]
        running.seed("organizations", name="Default")
        for name in ("git", "registry", "azure"):
            kind = running.seed(
                "credential_types", name=f"{name} of AWX", kind="cloud", inputs={"fields": []}, injectors={}
            )
            running.seed("credentials", name=name, credential_type=kind["id"], organization=organization)
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def created(awx: FakeAwx, home: Path) -> Run:
    """The first run."""
    run = Run(awx, home)
    assert run.code == 0, run.text
    return run


@pytest.fixture(scope="module")
def surveys(awx: FakeAwx, created: Run) -> dict[str, Json]:
    """Surveys of the job templates and the workflow, by the name without its prefix."""
    assert created.changed
    named = {**awx.of("job_templates"), **awx.of("workflow_job_templates")}
    return {name.removeprefix("Net "): awx.surveys.get(one["id"], {}) for name, one in named.items()}


def test_the_first_run_creates_everything(awx: FakeAwx, created: Run) -> None:
    counts = {
        kind: len(awx.of(kind)) for kind in ("projects", "inventories", "inventory_sources", "hosts", "schedules")
    }
    assert counts == {"projects": 1, "inventories": 2, "inventory_sources": 1, "hosts": 2, "schedules": 2}
    assert set(awx.of("job_templates")) == {f"Net {name}" for name in TEMPLATES}
    assert {"Net kubeconfig", "Net Azure service principal"} < set(awx.of("credential_types"))
    assert created.changed > len(TEMPLATES) / 2


def test_no_run_warns(created: Run) -> None:
    assert "WARNING" not in created.text
    assert "DEPRECAT" not in created.text


def test_the_token_is_not_in_the_output(created: Run) -> None:
    assert TOKEN not in created.text


def test_the_project_is_the_organizations_own(awx: FakeAwx, created: Run) -> None:
    assert created.code == 0
    (project,) = awx.of("projects").values()
    (environment,) = awx.of("execution_environments").values()
    assert project["scm_url"] == VARIABLES["awx_setup_scm_url"]
    assert project["scm_branch"] == "main"
    assert project["organization"] == awx.of("organizations")["Network"]["id"]
    assert project["credential"] == awx.of("credentials")["git"]["id"]
    assert project["default_environment"] == environment["id"]
    assert environment["image"] == VARIABLES["awx_setup_image"]
    assert environment["credential"] == awx.of("credentials")["registry"]["id"]


def test_hosts_are_clusters_that_need_no_machine(awx: FakeAwx, created: Run) -> None:
    """The Python of the execution environment has the libraries; the expression must reach AWX as it is."""
    assert created.code == 0
    variables = variables_of(awx.of("inventories")["Net clusters"]["variables"])
    assert variables == {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "policy_hardening_soak": 86400,
    }
    hosts = {name: variables_of(host["variables"]) for name, host in awx.of("hosts").items()}
    assert hosts == {"prod": {"aks_cluster_resource_group": "rsg-prod"}, "own": {}}


def test_clusters_in_azure_are_listed_by_the_inventory_plugin(awx: FakeAwx, created: Run) -> None:
    assert created.code == 0
    (source,) = awx.of("inventory_sources").values()
    file = ROOT / source["source_path"]
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["plugin"] == "cloudnet.aks_cilium.aks"
    assert source["source"] == "scm"
    assert source["source_project"] == awx.of("projects")["Net playbooks"]["id"]
    assert source["inventory"] == awx.of("inventories")["Net clusters in Azure"]["id"]
    assert source["credential"] == awx.of("credentials")["azure"]["id"]
    assert source["update_on_launch"] is True


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_runs_a_playbook_with_tags_that_exist(awx: FakeAwx, created: Run, name: str) -> None:
    assert created.code == 0
    template = awx.of("job_templates")[f"Net {name}"]
    listed = tags_of(ROOT / template["playbook"])
    assert set(filter(None, template["job_tags"].split(","))) <= listed
    assert (template["job_tags"] == name) is (template["playbook"] == "playbooks/jobs/harden.yml")
    assert template["inventory"] == awx.of("inventories")["Net clusters"]["id"]
    assert template["execution_environment"] == next(iter(awx.of("execution_environments").values()))["id"]
    assert awx.linked(template["id"], "credentials") == ["azure"]
    # A cluster is chosen by the limit, and what would happen by a check run.
    assert all(template[f"ask_{asked}_on_launch"] for asked in ("limit", "job_type", "inventory", "credential"))
    # Whatever may be set is asked for; a job takes no other variable.
    assert template["ask_variables_on_launch"] is False
    assert template["survey_enabled"] is bool(awx.surveys.get(template["id"]))


@functools.cache
def tags_of(playbook: Path) -> set[str]:
    """Tags of a playbook and of those that it imports, as ansible-playbook lists them."""
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [str(program), str(playbook), "-i", "localhost,", "--list-tags"]
    listed = subprocess.run(words, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return {tag.strip() for line in re.findall(r"TAGS: \[([^\]]*)\]", listed.stdout) for tag in line.split(",")}


def test_surveys_are_what_awx_takes(surveys: dict[str, Json]) -> None:
    assert {name for name, asked in surveys.items() if not asked} == {"status"}
    for name, asked in surveys.items():
        assert not asked or survey_problems(asked) == [], name


def test_questions_are_options_of_the_roles_with_their_type_and_description(surveys: dict[str, Json]) -> None:
    options = survey.all_options(ROOT)
    kinds = {"int": "integer", "float": "float", "bool": "multiplechoice", "list": "textarea", "dict": "textarea"}
    for question in [question for asked in surveys.values() for question in asked.get("spec", [])]:
        option = options[question["variable"].removeprefix("survey_")]
        choices = option.spec.get("choices")
        assert question["type"] == ("multiplechoice" if choices else kinds.get(option.kind, "text")), option.name
        assert choices is None or choices_of(question) == [str(choice) for choice in choices if choice]
        described = option.spec["description"]
        first = survey.plain_text(described if isinstance(described, str) else described[:1])
        assert question["question_description"].startswith(first.partition(" Empty - ")[0])
        assert not option.secret


def test_a_form_that_nobody_fills_in_leaves_everything_to_the_inventory(surveys: dict[str, Json]) -> None:
    """An answer is an extra variable, which would beat the inventory: what nobody said must not count as said."""
    for name, asked in surveys.items():
        given = {question["variable"]: "x" for question in asked.get("spec", []) if question["required"]}
        variables = launch_variables(asked, {}, given)
        expected: Json = {}
        if name in ("shadow", "harden a cluster"):
            expected = {"policy_hardening_soak": 7200}
        if name == "break glass":
            expected = {"break_glass_minutes": 30}
        said = survey.values({key: value for key, value in variables.items() if key not in given}, ROOT)
        assert said == expected, name


def test_what_is_left_out_is_not_asked_and_what_is_filled_in_is(surveys: dict[str, Json]) -> None:
    variables = {question["variable"] for question in surveys["enforce"]["spec"]}
    assert "survey_policy_hardening_watch" in variables
    assert "survey_policy_hardening_dead_man" not in variables
    (soak,) = [question for question in surveys["shadow"]["spec"] if question["variable"].endswith("_soak")]
    assert soak["default"] == 7200


def test_teardown_asks_to_type_the_name_of_the_cluster(surveys: dict[str, Json]) -> None:
    (question,) = surveys["teardown"]["spec"]
    assert (question["required"], question["default"], question["type"]) == (True, "", "text")
    with pytest.raises(ValueError, match="survey_teardown_confirm"):
        launch_variables(surveys["teardown"], {}, {})


def test_the_workflow_waits_for_an_approval_between_shadow_and_enforce(awx: FakeAwx, created: Run) -> None:
    assert created.code == 0
    nodes = awx.of("workflow_job_template_nodes")
    order, at = ["build"], "build"
    while following := awx.linked(nodes[at]["id"], "success_nodes"):
        (at,) = following
        order.append(at)
    assert order == ["build", "status", "observe", "shadow", "approve", "enforce", "report"]
    assert len(nodes) == len(order)
    for name, node in nodes.items():
        started = awx.objects[node["unified_job_template"]]
        assert started["name"] == f"Net {name}"
        assert started["url"].startswith(f"{API}{'workflow_approval' if name == 'approve' else 'job'}_templates/")
    (approval,) = awx.of("workflow_approval_templates").values()
    assert approval["timeout"] == 86400
    # No failure starts anything: a stage that fails or still waits ends the workflow.
    assert not any(
        awx.linked(node["id"], kind) for node in nodes.values() for kind in ("failure_nodes", "always_nodes")
    )


def test_the_workflow_asks_nothing_that_its_jobs_do_not_ask(surveys: dict[str, Json]) -> None:
    workflow = {question["variable"] for question in surveys["harden a cluster"]["spec"]}
    steps = ("build", "status", "observe", "shadow", "enforce", "report")
    jobs = {question["variable"] for name in steps for question in surveys[name].get("spec", [])}
    assert workflow <= jobs
    # Nor may a job of it wait for an answer that nobody is asked for.
    needed = [question for name in steps for question in surveys[name].get("spec", []) if question["required"]]
    assert not needed


def test_schedules_answer_the_surveys_of_their_jobs(awx: FakeAwx, created: Run) -> None:
    assert created.code == 0
    schedules = awx.of("schedules")
    templates = awx.of("job_templates")
    values = {}
    for name, schedule in schedules.items():
        assert schedule["unified_job_template"] == templates[name]["id"]
        values[name] = survey.values(schedule["extra_data"], ROOT)
    namespaces = {"policy_hardening_namespaces": ["shop", "backend"]}
    assert values == {"Net observe": {**namespaces, "policy_hardening_observe_chunk": 3300}, "Net drift": namespaces}
    assert "FREQ=HOURLY" in schedules["Net observe"]["rrule"]
    assert "FREQ=DAILY" in schedules["Net drift"]["rrule"]


def test_a_kubeconfig_reaches_the_job_as_a_private_file(awx: FakeAwx, created: Run, tmp_path: Path) -> None:
    assert created.code == 0
    kind = awx.of("credential_types")["Net kubeconfig"]
    environment, extra = inject(kind, {"kubeconfig": "clusters: []\n"}, tmp_path)
    file = Path(extra.pop("aks_cluster_kubeconfig_given"))
    assert file.read_text(encoding="utf-8") == "clusters: []\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (environment, extra) == ({}, {})
    assert [field["id"] for field in kind["inputs"]["fields"] if field.get("secret")] == ["kubeconfig"]


@pytest.mark.parametrize(
    ("given", "kind", "cloud"),
    [
        ({"secret": "hidden"}, "service_principal", "AzureCloud"),
        ({"certificate": "-----BEGIN", "cloud": "AzureUSGovernment"}, "certificate", "AzureUSGovernment"),
    ],
)
def test_azure_logs_in_with_what_the_credential_brings(
    awx: FakeAwx, created: Run, tmp_path: Path, given: dict[str, str], kind: str, cloud: str
) -> None:
    """A field that is left empty becomes an empty variable in AWX, which must count as none."""
    assert created.code == 0
    made = awx.of("credential_types")["Net Azure service principal"]
    environment, extra = inject(made, {"subscription": "s", "tenant": "t", "client": "c", **given}, tmp_path)
    assert extra == {}
    choice = credential.choose({"auth_source": "environment"}, environment)
    assert (choice.kind, choice.tenant, choice.client_id, choice.secret) == (kind, "t", "c", given.get("secret", ""))
    assert environment["AZURE_CLOUD_ENVIRONMENT"] == cloud
    # What kubelogin reads.
    assert (environment["AZURE_TENANT_ID"], environment["AZURE_CLIENT_SECRET"]) == ("t", given.get("secret", ""))
    assert environment["AKS_CILIUM_CA_BUNDLE"] == ""
    secret = {field["id"] for field in made["inputs"]["fields"] if field.get("secret")}
    assert secret == {"secret", "certificate"}


def test_a_second_run_changes_nothing(awx: FakeAwx, home: Path, created: Run) -> None:
    again = Run(awx, home)
    assert (again.code, again.changed, again.ok) == (0, 0, created.ok), again.text
    # To write a survey anew would be a change as well, though awx.awx does not always count it.
    assert [write for write in again.writes if "survey_spec" in write] == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"awx_setup_image": ""}, "awx_setup_image is empty"),
        ({"awx_setup_survey_leave_out": ["policy_hardening_namespaces"]}, "which the schedules"),
        ({"awx_setup_inventory": "azure", "awx_setup_azure": False}, "awx_setup_inventory is azure"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said_before_anything_is_written(
    awx: FakeAwx, home: Path, created: Run, variables: Json, said: str
) -> None:
    assert created.code == 0
    run = Run(awx, home, **variables)
    assert run.code != 0
    assert said in " ".join(run.text.split())
    assert run.writes == []


def test_without_azure_what_was_made_for_it_is_removed(awx: FakeAwx, home: Path, created: Run) -> None:
    assert created.code == 0
    kept = {kind: set(awx.of(kind)) for kind in set(awx.kinds.values())}
    without = Run(awx, home, awx_setup_azure=False)
    assert without.code == 0, without.text
    gone = {kind: names - set(awx.of(kind)) for kind, names in kept.items() if names - set(awx.of(kind))}
    assert gone == {
        "workflow_job_template_nodes": {"build"},
        "job_templates": {"Net build", "Net teardown"},
        "inventories": {"Net clusters in Azure"},
        "inventory_sources": {"Net clusters in Azure"},
    }
    # AWX keeps a node whose template is deleted, so the node must be first.
    deleted = [write for write in without.writes if write.startswith("DELETE")]
    kinds = [write.removeprefix(f"DELETE {API}").partition("/")[0] for write in deleted]
    assert kinds == ["workflow_job_template_nodes", "job_templates", "job_templates", "inventories"]
    again = Run(awx, home, awx_setup_azure=False)
    assert (again.code, again.changed, again.ok) == (0, 0, without.ok), again.text
    # And the way back, so that the last test has everything to remove.
    whole = Run(awx, home)
    assert whole.code == 0, whole.text
    assert {kind: set(awx.of(kind)) for kind in kept} == kept
    assert awx.linked(awx.of("workflow_job_template_nodes")["build"]["id"], "success_nodes") == ["status"]


def test_absent_takes_back_everything_and_nothing_else(awx: FakeAwx, home: Path, created: Run) -> None:
    """Last in this file: what the others look at is gone afterwards."""
    assert created.code == 0
    gone = Run(awx, home, awx_setup_state="absent", awx_setup_image="")
    assert gone.code == 0, gone.text
    left = {kind: sorted(awx.of(kind)) for kind in sorted(set(awx.kinds.values())) if awx.of(kind)}
    assert left == {
        "credential_types": ["azure of AWX", "git of AWX", "registry of AWX"],
        "credentials": ["azure", "git", "registry"],
        "organizations": ["Default", "Network"],
    }
    again = Run(awx, home, awx_setup_state="absent", awx_setup_image="")
    assert (again.code, again.changed) == (0, 0), again.text
