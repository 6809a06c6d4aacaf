"""The rig's power switches and cables, as the drills ask for them."""

from drills.faults.power import Action
from tests.hosts.rig import Rig


class RigControl:
    """drills.faults.power.HostControl on a rig: it can do all of it."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def do(self, action: Action, host: str) -> None:
        machine = self._rig.host(host)
        match action:
            case "powerOff":
                machine.power_off()
            case "powerOn":
                machine.come_back()
            case "powerOnBlank":
                machine.come_back(blank=True)
                # What a new machine gets from a registry: this one has no way out.
                self._rig.load_base_image([machine])
            case "cutOff":
                machine.cut()
            case "heal":
                machine.heal()

    def lacks(self, *actions: Action) -> str | None:
        del actions
        return None
