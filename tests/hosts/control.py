"""The rig's power switches and cables, as the drills ask for them."""

from tests.hosts.rig import Rig


class RigControl:
    """drills.hosts.HostControl on a rig: it can do all of it."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def power_off(self, host: str) -> None:
        self._rig.host(host).power_off()

    def power_on(self, host: str) -> None:
        self._rig.host(host).come_back()

    def power_on_blank(self, host: str) -> None:
        self._rig.host(host).come_back(blank=True)
        # What a new machine gets from a registry: this one has no way out.
        self._rig.load_base_image([self._rig.host(host)])

    def cut_off(self, host: str) -> None:
        self._rig.host(host).cut()

    def heal(self, host: str) -> None:
        self._rig.host(host).heal()

    def lacks(self, *actions: str) -> str | None:
        del actions
        return None
