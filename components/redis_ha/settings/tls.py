"""The setting `tls`: certificates given as secrets. What is wrong with them, certificates.py finds."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from redis_ha.settings.types import SettingModel, from_json


class Tls(SettingModel):
    """PEM texts: `ca` (one or more), `cert` (the nodes', with intermediate ones after it) and its `key`."""

    ca: SecretStr
    cert: SecretStr
    key: SecretStr
    ca_key: SecretStr | None = Field(None, alias="caKey")
    """Only `make certs` uses it, for certificates of the same CA later on; no container is given it."""
    client_cert: SecretStr | None = Field(None, alias="clientCert")
    client_key: SecretStr | None = Field(None, alias="clientKey")
    """A certificate for clients, which the stack's outputs hand out: the drill shows it."""
    client_auth: Literal["none", "optional", "required"] = Field("none", alias="clientAuth")

    @field_validator("ca", "cert", "key", "client_cert", "client_key")
    @classmethod
    def _one_spelling(cls, value: SecretStr | None) -> SecretStr | None:
        """`config set` takes away a file's last line break: no reason to replace a node."""
        return value and SecretStr(value.get_secret_value().strip() + "\n")

    @model_validator(mode="after")
    def _client_pair(self) -> Self:
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("clientCert and clientKey belong together; allowed: both or neither")
        return self


TlsSetting = Annotated[Tls, BeforeValidator(from_json)]
