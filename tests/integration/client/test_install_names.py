"""The names of the incumbent client, and the lines of scripts that people have written for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, eventually, make_user

pytestmark = pytest.mark.xdist_group("install names")

HOME = "/alice/cern.ch/user/a/alice"
JDL = 'Executable = "/bin/date";\nSandboxWait = 0;\nSandboxRun = 0;\n'


class Scripts:
    """A user whose PATH begins with the names."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.directory = f"{HOME}/{user.home.name}"
        user.must("install-names", "names")
        user.must("mkdir", self.directory)
        (user.home / "job.jdl").write_text(JDL, encoding="utf-8")
        user.must("cp", "file:job.jdl", f"{self.directory}/job.jdl@disk:1")

    def sh(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script of bash; `$D` is a directory of this test in the catalogue."""
        environment = {**self.user.environment, "D": self.directory, **variables}
        environment["PATH"] = f"{self.user.home}/names:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", script],
            env=environment,
            cwd=self.user.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def must(self, script: str, **variables: str) -> str:
        """Run a script that must succeed; what it printed."""
        done = self.sh(script, **variables)
        assert done.returncode == 0, f"{script}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.rstrip("\n")


@pytest.fixture(scope="module")
def scripts(grid: Grid) -> Iterator[Scripts]:
    for user in make_user(grid.exports):
        yield Scripts(user)


def test_f102_each_name_runs_its_command(scripts: Scripts) -> None:
    assert scripts.must("alien_pwd") == f"{HOME}/"
    assert scripts.must("alien_home") == f"{HOME}/"
    assert scripts.must("alien_ls $D") == "job.jdl"
    assert scripts.must("alien_find $D job") == f"{scripts.directory}/job.jdl"
    assert "Type: f" in scripts.must("alien_stat $D/job.jdl")
    assert "SE => ALICE::SANDBOX::SE" in scripts.must("alien_whereis $D/job.jdl")
    scripts.must("alien_mkdir $D/made && alien_mv $D/made $D/moved && alien_rmdir $D/moved")
    scripts.must("alien_cp $D/job.jdl file:copy.jdl && alien_cp file:copy.jdl $D/copy.jdl && alien_rm $D/copy.jdl")
    assert "Your new job ID is" in scripts.must("alien_submit $D/job.jdl")
    assert scripts.must("alien_ps -a")


def test_f052_the_names_of_certificates_are_there(scripts: Scripts) -> None:
    assert re.search(r"^EXPIRE >>> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", scripts.must("alien-cert-info"), re.MULTILINE)
    assert "CN=alice" in scripts.must("alien-token-info")


def test_f104_alien_wbtime_measures_logins(scripts: Scripts) -> None:
    assert "rtt min/avg/max/mdev (ms) = " in scripts.must("alien_wbtime 1")


def test_f103_alien_cmd_runs_its_arguments(scripts: Scripts) -> None:
    assert scripts.must("alien_cmd pwd") == f"{HOME}/"
    assert scripts.must("alien_cmd ls $D") == "job.jdl"
    assert scripts.sh("alien_cmd ls /no/such").returncode == 2


def test_f102_any_other_link_named_after_a_command_works(scripts: Scripts) -> None:
    assert scripts.must("ln -s $(readlink names/alien.py) names/alien_whoami; alien_whoami") == "alice"


def test_f102_h_after_a_name_prints_the_help_of_its_command(scripts: Scripts) -> None:
    assert scripts.must("alien_cp -h").startswith("alienctl cp ")


def test_existing_files_are_not_replaced(scripts: Scripts) -> None:
    theirs = scripts.user.home / "theirs"
    theirs.mkdir()
    (theirs / "alien_ls").write_text("theirs", encoding="utf-8")
    done = scripts.user.run("install-names", "theirs")
    assert done.returncode == 22
    assert "alien_ls already exists" in done.stderr
    assert [path.name for path in theirs.iterdir()] == ["alien_ls"]


def test_installing_the_names_twice_is_fine(scripts: Scripts) -> None:
    assert scripts.user.json("install-names", "names")["names"][0] == "alien.py"


def test_states_of_jobs_are_read_with_a_program_for_json(scripts: Scripts) -> None:
    """F089: `ps -a -m` with ALIENPY_JSON, `access read` with -json."""
    number = re.findall(r"job ID is (\d+)", scripts.must("alien.py submit $D/job.jdl"))[0]
    document = json.loads(scripts.must(f"alien.py ps -j {number}", ALIENPY_JSON="true"))
    assert {"id", "status"} <= set(document["results"][0])
    ticket = json.loads(scripts.must('alien.py -json "access read $D/job.jdl"'))["results"][0]
    assert {"url", "envelope"} <= set(ticket)


def test_columns_of_ps_are_unchanged(scripts: Scripts) -> None:
    number = re.findall(r"job ID is (\d+)", scripts.must("alien.py submit $D/job.jdl"))[0]
    eventually(lambda: scripts.must(f"alien.py ps -j {number} | awk '{{print $4}}'") == "D")
    assert "SandboxRun" in scripts.must(f"alien.py ps --jdl {number}")
    assert number in scripts.must("alien.py ps -M")
    assert scripts.must(f"alien.py ps --trace {number}")


def test_the_type_of_an_entry_is_grepped(scripts: Scripts) -> None:
    assert scripts.must("alien.py stat $D 2>/dev/null | grep Type") == "Type: d"
    assert scripts.must("alien.py stat $D/job.jdl 2>/dev/null | grep Type") == "Type: f"
    assert scripts.sh("alien.py stat $D/none 2>/dev/null | grep Type").stdout == ""


def test_names_come_one_to_a_line(scripts: Scripts) -> None:
    scripts.must("alien.py mkdir -p $D/listed/sub && alien.py touch $D/listed/file")
    assert scripts.must("alien.py ls $D/listed").splitlines() == ["file", "sub/"]
    assert scripts.must("alien.py find $D/listed file") == f"{scripts.directory}/listed/file"
    assert scripts.must("alien.py find alien://$D/listed file") == f"{scripts.directory}/listed/file"
    assert scripts.must("alien.py rm -rf $D/listed") == ""


def test_the_usual_copies(scripts: Scripts) -> None:
    here = scripts.user.home
    scripts.must("alien_cp alien://$D/job.jdl file:one && cmp one job.jdl")
    scripts.must(f"alien_cp alien://$D/job.jdl file://{here}/two && cmp two job.jdl")
    scripts.must("alien_cp -f -T 4 alien://$D/job.jdl file:two && cmp two job.jdl")
    scripts.must("alien.py cp file:job.jdl alien://$D/up.jdl@DISK=1 && alien.py rm $D/up.jdl")


def test_the_end_of_a_token_is_read_by_scripts(scripts: Scripts) -> None:
    assert scripts.sh("alien-token-info > /dev/null").returncode == 0
    assert scripts.sh(
        "alien-token-info", JALIEN_TOKEN_CERT="/nonexistent/t", JALIEN_TOKEN_KEY="/nonexistent/k"
    ).returncode
    expire = scripts.must("alien-token-info | grep EXPIRE | sed 's/.*>>> //'")
    assert scripts.must(f"date -u -d '{expire}' +%Y").isdigit()


def test_the_pem_blocks_of_a_token_are_cut_out(scripts: Scripts) -> None:
    cut = "sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p'"
    assert scripts.must(f"alien.py token -v 1 2>/dev/null | {cut}").startswith("-----BEGIN CERTIFICATE-----")
    key = "sed -n '/BEGIN RSA PRIVATE KEY/,/END RSA PRIVATE KEY/p'"
    assert scripts.must(f"alien.py token -v 1 2>/dev/null | {key}").startswith("-----BEGIN RSA PRIVATE KEY-----")


def test_token_files_are_where_other_programs_look(scripts: Scripts) -> None:
    place = scripts.user.home / "tokens"
    place.mkdir()
    files = {"JALIEN_TOKEN_CERT": f"{place}/cert.pem", "JALIEN_TOKEN_KEY": f"{place}/key.pem"}
    scripts.must("alien-token-init", **files)
    assert Path(files["JALIEN_TOKEN_CERT"]).read_text(encoding="utf-8").startswith("-----BEGIN CERTIFICATE-----")
    assert Path(files["JALIEN_TOKEN_KEY"]).stat().st_mode & 0o077 == 0
    scripts.must("alien-token-destroy", **files)
    assert not Path(files["JALIEN_TOKEN_CERT"]).exists()


def test_many_at_a_time(scripts: Scripts) -> None:
    done = scripts.must("seq 8 | xargs -P 8 -I{} alien_cp -f $D/job.jdl file:many-{} >/dev/null && ls many-* | wc -l")
    assert done == "8"


def test_commands_of_the_service_that_scripts_use(scripts: Scripts) -> None:
    assert "ALICE::SANDBOX::SE" in scripts.must("alien.py xrdstat $D/job.jdl")
    assert "alice" in scripts.must("alien.py whois -a sandbox")
    number = re.findall(r"job ID is (\d+)", scripts.must("alien.py submit $D/job.jdl"))[0]
    scripts.must(f"alien.py kill {number}")
    assert scripts.sh(f"alien.py masterjob {number}").returncode == 0
    scripts.must(f"alien.py resubmit {number}")
