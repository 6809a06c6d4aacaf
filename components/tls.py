"""The setting `tls`: certificates given as secrets. What is wrong with them, certificates.py finds."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from components.setting_types import SettingModel, from_json


class Tls(SettingModel):
    """PEM texts: `ca` (one or more), `cert` (the nodes', with intermediate ones after it) and its `key`."""

    ca: SecretStr
    cert: SecretStr
    key: SecretStr
    ca_key: SecretStr | None = Field(None, alias="caKey")
    """Only `make certs` uses it, for certificates of the same CA later on; no container is given it."""
    client_auth: Literal["none", "optional", "required"] = Field("none", alias="clientAuth")

    @field_validator("ca", "cert", "key")
    @classmethod
    def _one_spelling(cls, value: SecretStr) -> SecretStr:
        """`config set` takes away a file's last line break: no reason to replace a node."""
        return SecretStr(value.get_secret_value().strip() + "\n")


TlsSetting = Annotated[Tls, BeforeValidator(from_json)]
