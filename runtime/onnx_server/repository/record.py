"""What `fetch` leaves beside the model for `serve`: which files were verified, and their digest."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from onnx_server.repository import digest

PREFIX = "sha256:"


class FetchRecord(BaseModel):
    """The content of `.onnx-server-fetch.json`.

    `digest` has its prefix; it is that of the one file where `single`, else that of the listing. `files` maps relative
    path to hex SHA-256; `model` is one of them. The URI is kept as its SHA-256 only: it may hold a signature.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    uri_sha256: str
    digest: str
    single: bool
    model: str
    files: dict[str, str]
    bytes: int

    @property
    def verified_digest(self) -> str:
        """Return the digest recomputed from `files`, with prefix."""
        return digest_of(self.files, single=self.single)


def digest_of(files: dict[str, str], *, single: bool) -> str:
    """Return the digest, with prefix, of the files by their hex digests."""
    return PREFIX + (next(iter(files.values())) if single else digest.of_listing(files))


def read(directory: Path) -> FetchRecord | None:
    """Return the record in `directory`, or None where none (or none that can be trusted) is."""
    try:
        return FetchRecord.model_validate_json((directory / digest.RECORD_NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def write(directory: Path, record: FetchRecord) -> None:
    """Write the record, whole or not at all."""
    temporary = directory / (digest.RECORD_NAME + ".new")
    temporary.write_text(record.model_dump_json())
    temporary.replace(directory / digest.RECORD_NAME)
