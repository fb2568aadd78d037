"""The checked-in descriptors are those of the .proto texts, and the protocol's: tritonclient has the same fields."""

from importlib.resources import files
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from grpc_health.v1 import health_pb2
from grpc_tools import protoc
from tritonclient.grpc import model_config_pb2, service_pb2

PACKAGE = Path(str(files("onnx_server.grpc")))
PROTOS = ("open_inference.proto", "health.proto")


def checked_in() -> FileDescriptorSet:
    return FileDescriptorSet.FromString((PACKAGE / "descriptors.binpb").read_bytes())


def test_the_descriptors_are_those_of_the_texts(tmp_path: Path) -> None:
    compiled = tmp_path / "descriptors.binpb"
    assert protoc.main(["protoc", f"-I{PACKAGE}", f"--descriptor_set_out={compiled}", *PROTOS]) == 0
    assert FileDescriptorSet.FromString(compiled.read_bytes()) == checked_in(), "run `make protos`"


def test_every_field_is_the_clients() -> None:
    """A field of ours has the number, type, label and oneof that clients know; that they have more is no matter."""
    theirs: dict[str, DescriptorProto] = {}
    for module in (service_pb2, model_config_pb2, health_pb2):
        theirs |= _messages(descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb))
    ours: dict[str, DescriptorProto] = {}
    for file in checked_in().file:
        ours |= _messages(file)
    differences, fields = [], 0
    for name, message in ours.items():
        known = {field.name: _form(field, theirs[name]) for field in theirs[name].field}
        for field in message.field:
            fields += 1
            if _form(field, message) != known.get(field.name):
                differences.append((name, _form(field, message), known.get(field.name)))
    assert differences == []
    assert fields > 100


def test_every_enum_value_is_the_clients() -> None:
    theirs = _enums(model_config_pb2.DESCRIPTOR.serialized_pb) | _enums(health_pb2.DESCRIPTOR.serialized_pb)
    ours: dict[str, dict[str, int]] = {}
    for file in checked_in().file:
        ours |= _enums(file.SerializeToString())
    assert ours["inference.DataType"]["TYPE_BF16"] == 14
    assert {name: values.items() <= theirs[name].items() for name, values in ours.items()} == dict.fromkeys(ours, True)


def test_every_method_is_the_clients() -> None:
    theirs = {}
    for module in (service_pb2, health_pb2):
        theirs |= _methods(descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb))
    ours = {}
    for file in checked_in().file:
        ours |= _methods(file)
    assert {name: theirs[name] for name in ours} == ours
    assert len(ours) == 14


def _messages(file: descriptor_pb2.FileDescriptorProto) -> dict[str, DescriptorProto]:
    found: dict[str, DescriptorProto] = {}

    def add(prefix: str, message: DescriptorProto) -> None:
        name = f"{prefix}.{message.name}"
        found[name] = message
        for nested in message.nested_type:
            add(name, nested)

    for message in file.message_type:
        add(file.package, message)
    return found


def _form(field: descriptor_pb2.FieldDescriptorProto, message: DescriptorProto) -> tuple[object, ...]:
    oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
    return field.name, field.number, field.type, field.type_name, field.label, oneof


def _enums(serialized: bytes) -> dict[str, dict[str, int]]:
    file = descriptor_pb2.FileDescriptorProto.FromString(serialized)
    found = {f"{file.package}.{enum.name}": enum for enum in file.enum_type}
    for name, message in _messages(file).items():
        found |= {f"{name}.{enum.name}": enum for enum in message.enum_type}
    return {name: {value.name: value.number for value in enum.value} for name, enum in found.items()}


def _methods(file: descriptor_pb2.FileDescriptorProto) -> dict[str, tuple[str, str, bool, bool]]:
    return {
        f"{file.package}.{service.name}/{method.name}": (
            method.input_type,
            method.output_type,
            method.client_streaming,
            method.server_streaming,
        )
        for service in file.service
        for method in service.method
    }
