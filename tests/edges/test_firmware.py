"""The files of `firmware_config`, each read by the program it is for, where that runs here."""

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from agent.config import Config
from agent.core.adapters import CERTIFIED
from tests.conftest import ROOT, find, need

HERE = ROOT / "firmware_config"
LAYER = HERE / "image/layer/footfall-sensor.yaml"
# What Imager reads of an entry (raspberrypi/rpi-imager, doc/json-schema/os-list-schema.json and doc/schema-notes.md).
ENTRY = {
    "type": "object",
    "required": ["name", "description", "icon", "url", "extract_size", "extract_sha256", "image_download_size",
                 "release_date", "devices"],
    "properties": {
        **{key: {"type": "string", "minLength": 1} for key in ("name", "description")},
        **{key: {"type": "string", "pattern": "^https://"} for key in ("icon", "url", "website")},
        **{key: {"type": "integer", "minimum": 0} for key in ("extract_size", "image_download_size")},
        "extract_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "release_date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "devices": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "architecture": {"enum": ["armv8", "armhf"]},
        "init_format": {"enum": ["none", "systemd", "cloudinit", "cloudinit-rpi", "rpi-preseed"]},
    },
    "additionalProperties": False,
}  # fmt: skip
MANIFEST = {
    "type": "object",
    "required": ["os_list"],
    "properties": {"os_list": {"type": "array", "items": ENTRY, "minItems": 1}},
    "additionalProperties": False,
}
# The fields of a layer's head (raspberrypi/rpi-image-gen, its layers and LAYER_BEST_PRACTICES).
FIELDS = {"Layer-Name", "Layer-Version", "Layer-Category", "Layer-Desc", "Layer-Requires", "Layer-RequiresProvider",
          "VarPrefix"}  # fmt: skip
ATTRIBUTES = {"Desc", "Required", "Valid", "Set"}


def said(*words: str, timeout: float = 60) -> str:
    """What a program says, all of it; it has to end well."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_networkmanager_takes_the_settings_and_leaves_the_sticks_alone(tmp_path: Path) -> None:
    nothing = tmp_path / "NetworkManager.conf"
    nothing.touch()
    program = find("NetworkManager") or need("network-manager")
    words = ("--print-config", f"--config={nothing}", f"--config-dir={HERE / 'NetworkManager'}")
    heard = said(program, *words, f"--system-config-dir={tmp_path}", f"--intern-config={tmp_path / 'none'}")
    assert "unknown" not in heard
    for driver in CERTIFIED:
        assert f"driver:{driver};" in heard
    assert re.search(r"^wifi.powersave=2$", heard, re.M)
    assert re.search(r"^autoconnect-retries-default=0$", heard, re.M)


def test_modprobe_takes_every_option(tmp_path: Path) -> None:
    heard = said(find("modprobe") or need("kmod"), "--showconfig", "-C", str(HERE / "modprobe"))
    lines = [one for one in (HERE / "modprobe/footfall.conf").read_text().splitlines() if not one.startswith("#")]
    assert set(lines) <= set(heard.splitlines())


def test_sysctl_knows_every_setting() -> None:
    heard = said(find("sysctl") or need("procps"), "--dry-run", "-p", str(HERE / "sysctl/footfall.conf"))
    assert heard.splitlines() == ["kernel.panic = 10", "vm.min_free_kbytes = 16384"]


def test_udev_understands_the_rules() -> None:
    program = find("udevadm") or need("udev")
    version = int(said(program, "--version"))
    if version < 254:
        pytest.skip(f"udevadm of systemd {version} cannot verify rules: 254 and later can; 'make box-test' does it")
    said(program, "verify", str(HERE / "udev/60-footfall.rules"))


def test_the_rules_and_networkmanager_name_the_same_drivers() -> None:
    udev = re.search(r'DRIVER=="([^"]*)"', (HERE / "udev/60-footfall.rules").read_text())
    manager = (HERE / "NetworkManager/10-footfall.conf").read_text()
    assert udev
    assert udev[1].split("|") == re.findall(r"driver:(\w+);", manager)


def test_cloud_init_takes_the_example() -> None:
    heard = said(need("cloud-init"), "schema", "--config-file", str(HERE / "image/cloud-init/user-data"))
    assert "Valid" in heard


def test_the_example_is_good_cloud_config_with_the_marks_taken_away(tmp_path: Path) -> None:
    text = (HERE / "image/cloud-init/user-data").read_text()
    wanted = re.sub(r"^# ((?:  - |\w+:).*)$", r"\1", text, flags=re.M)
    assert {"ssh_pwauth", "hostname", "ssh_authorized_keys", "runcmd"} == set(yaml.safe_load(wanted))
    example = tmp_path / "user-data"
    example.write_text(wanted)
    heard = said(need("cloud-init"), "schema", "--config-file", str(example))
    assert "Valid" in heard


def test_the_network_example_is_empty_as_it_is_and_good_with_the_marks_taken_away() -> None:
    text = (HERE / "image/cloud-init/network-config").read_text()
    assert yaml.safe_load(text) == {"network": {"version": 2}}
    wifi = yaml.safe_load(re.sub(r"^#(  .*)$", r"\1", text, flags=re.M))["network"]["wifis"]["wlan0"]
    assert set(wifi) == {"dhcp4", "regulatory-domain", "access-points"}


def test_the_manifest_is_one_imager_takes() -> None:
    jsonschema.validate(json.loads((HERE / "image/footfall.rpi-imager-manifest").read_text()), MANIFEST)


def test_the_layer_has_a_head_of_known_fields_and_a_body() -> None:
    head, _, body = LAYER.read_text().partition("# METAEND\n---\n")
    named = dict(re.findall(r"^# X-Env-([\w-]+): (.*)$", head, re.M))
    prefix = [name for name in named if name.startswith("Var-")]
    assert set(named) - set(prefix) == FIELDS
    names = {name.split("-")[1] for name in prefix}
    assert {name.split("-", 2)[2] for name in prefix if name.count("-") > 1} <= ATTRIBUTES
    assert all(f"Var-{name}" in named for name in names), "an attribute of no variable"
    used = set(re.findall(r"IGconf_footfall_(\w+)", body))
    assert used == names
    hooks = yaml.safe_load(body)["mmdebstrap"]
    assert set(hooks) == {"packages", "customize-hooks"}
    assert all(isinstance(one, str) for one in [*hooks["packages"], *hooks["customize-hooks"]])


def test_the_hooks_of_the_layer_are_sound_shell(tmp_path: Path) -> None:
    for number, hook in enumerate(yaml.safe_load(LAYER.read_text())["mmdebstrap"]["customize-hooks"]):
        script = tmp_path / str(number)
        script.write_text(hook)
        said("sh", "-n", str(script))


def test_the_image_takes_the_layer_and_gives_it_its_variables() -> None:
    config = yaml.safe_load((HERE / "image/config/footfall.yaml").read_text())
    assert config["layer"]["app"] == LAYER.stem
    assert set(config["footfall"]) == set(re.findall(r"X-Env-Var-(\w+):", LAYER.read_text()))


def test_what_the_sensor_keeps_is_shared_by_both_slots() -> None:
    shared = HERE / "image/layer/footfall-sensor.d/customize.overlay/etc/rpi-image-gen/slot-shared.d/footfall.conf"
    assert shared.read_text().split() == ["Version=1", f"Path={Config().state_dir}"]


def test_the_boot_files_are_what_the_firmware_reads() -> None:
    known = {"dtparam", "arm_64bit", "disable_splash", "gpu_mem", "hdmi_blanking"}
    lines = [one for one in (HERE / "image/boot/config.txt").read_text().splitlines() if one and one[0] != "#"]
    sections = [one for one in lines if one.startswith("[")]
    assert sections == ["[pi4]", "[pi5]", "[all]"]
    assert {one.partition("=")[0] for one in lines if one not in sections} == known
    assert all(len(one) <= 98 for one in lines), "the firmware reads no further"
    assert (HERE / "image/boot/cmdline.txt").read_text().count("\n") == 1
