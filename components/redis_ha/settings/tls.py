"""The setting `tls`: certificates given as secrets. What is wrong with them, certificates.py finds."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from redis_ha.settings.types import SettingModel, from_json


class Tls(SettingModel):
    """PEM texts: `ca` (one or more), `cert` (the nodes', with intermediate ones after it) and its `key`."""

    ca: SecretStr = Field(description="Certificates of the CA, one or more, in PEM; clients and nodes trust them")
    cert: SecretStr = Field(description="The nodes' certificate, with intermediate ones after it, in PEM")
    key: SecretStr = Field(description="Secret. Its private key, in PEM")
    ca_key: SecretStr | None = Field(
        default=None,
        alias="caKey",
        description="Secret. Used by `make certs` only, for further certificates of the same CA",
    )
    client_cert: SecretStr | None = Field(
        default=None, alias="clientCert", description="Secret. A certificate for clients, handed out as an output"
    )
    client_key: SecretStr | None = Field(default=None, alias="clientKey", description="Secret. Its private key")
    client_auth: Literal["none", "optional", "required"] = Field(
        default="none",
        alias="clientAuth",
        description="Whether clients show a certificate: `none`, `optional` or `required`",
    )

    @field_validator("ca", "cert", "key", "client_cert", "client_key")
    @classmethod
    def _one_spelling(cls, value: SecretStr | None) -> SecretStr | None:
        """`config set` takes away a file's last line break: no reason to replace a node."""
        return value and SecretStr(value.get_secret_value().strip() + "\n")

    @model_validator(mode="after")
    def _client_pair(self, info: ValidationInfo) -> Self:
        """Left out where some of the values come later."""
        if not info.context and (self.client_cert is None) != (self.client_key is None):
            raise ValueError("clientCert and clientKey belong together; allowed: both or neither")
        return self


TlsSetting = Annotated[Tls, BeforeValidator(from_json)]
