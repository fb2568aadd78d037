"""What docs/ has of generated files is of today's sources."""

import yaml

from tests.unit.operator.kubectl import generated


def test_the_picture_is_of_today() -> None:
    assert generated.PICTURE.read_text() == generated.picture(), "run: make docs"


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    svg = generated.picture()
    assert "url(http" not in svg
    assert "@font-face" not in svg
    assert "digits-bq24cmd5fz" in svg


def test_argo_cds_config_map_is_of_today() -> None:
    assert generated.CONFIG_MAP.read_text() == generated.config_map(), "run: make docs"


def test_argo_cds_config_map_has_the_files_whole() -> None:
    data = yaml.safe_load(generated.config_map())["data"]
    assert (
        data["resource.customizations.health.onnx-operator.dev_ONNXModel"]
        == (generated.ARGO / "health.lua").read_text()
    )
    actions = yaml.safe_load(data["resource.customizations.actions.onnx-operator.dev_ONNXModel"])
    assert actions["discovery.lua"] == (generated.ARGO / "actions" / "discovery.lua").read_text()
    assert [action["name"] for action in actions["definitions"]] == list(generated.ACTIONS)
    assert {path.parent.name for path in generated.ARGO.glob("actions/*/action.lua")} == set(generated.ACTIONS)
