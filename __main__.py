"""A highly available Redis in Docker: settings -> component -> outputs."""

import pulumi

from components.docker_host import image_id, refuse_switching_tls, resolve_base_image
from components.interrupts import end_quietly_when_interrupted
from components.redis_ha import RedisHa, outputs
from components.settings_loader import load_settings
from components.topology import TopologyError, plan

end_quietly_when_interrupted()
project, stack = pulumi.get_project(), pulumi.get_stack()
settings = load_settings(project, stack)
try:
    topology = plan(settings, project, stack)
except TopologyError as error:
    raise pulumi.RunError(str(error)) from None
if settings.tls is not None:
    from components.certificates import check_certificates  # reading certificates takes a package that loads slowly

    check_certificates(settings.tls, topology.addresses)
refuse_switching_tls(stack, settings.tls is not None)

cluster = RedisHa(
    stack,
    {
        "settings": settings,
        "topology": topology,
        "base_image": resolve_base_image(settings.base_image),
        "endpoint_image": (
            image_id(resolve_base_image(settings.endpoint_image, "endpointImage")) if settings.endpoint else None
        ),
    },
)

for name, value in outputs(settings, topology, cluster).items():
    pulumi.export(name, value)
