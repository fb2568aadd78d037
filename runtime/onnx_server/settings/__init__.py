"""The server's configuration: `server.yaml`, half of the contract with the operator (docs/contract.md)."""
