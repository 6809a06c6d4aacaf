"""A highly available Redis in Docker: settings -> component -> outputs."""

import pulumi

from components.docker_clients import check_hosts
from components.docker_host import base_of, image_id, refuse_switching_tls
from components.image import image_name
from components.interrupts import end_quietly_when_interrupted
from components.machines import image_hosts
from components.redis_ha import RedisHa, outputs
from components.settings_loader import load_settings
from components.swarm_nodes import check_swarm
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
if settings.swarm:
    check_swarm(settings.hosts)
else:
    check_hosts(topology.hosts)
refuse_switching_tls(stack, settings.tls is not None, (None,) if settings.swarm else topology.hosts)

cluster = RedisHa(
    stack,
    {
        "settings": settings,
        "topology": topology,
        "bases": {
            host: base_of(host, settings.base_image, image_name(settings, stack))
            for host in image_hosts(settings, topology)
        },
        "endpoint_images": {one.host: image_id(settings.endpoint_image, one.host) for one in topology.endpoints},
    },
)

for name, value in outputs(settings, topology, cluster).items():
    pulumi.export(name, value)
