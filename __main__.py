"""A highly available Redis in Docker: settings -> component -> outputs."""

import pulumi

from redis_ha.docker.clients import check_hosts
from redis_ha.docker.host import base_of, image_id, refuse_switching_tls
from redis_ha.docker.swarm_nodes import check_swarm
from redis_ha.plan.topology import TopologyError, plan
from redis_ha.resources.component import RedisHa, outputs
from redis_ha.resources.image import image_name
from redis_ha.resources.interrupts import end_quietly_when_interrupted
from redis_ha.resources.machines import image_hosts
from redis_ha.settings.loader import load_settings

end_quietly_when_interrupted()
project, stack = pulumi.get_project(), pulumi.get_stack()
settings = load_settings(project, stack)
try:
    topology = plan(settings, project, stack)
except TopologyError as error:
    raise pulumi.RunError(str(error)) from None
if settings.tls is not None:
    from redis_ha.tls.certificates import check_certificates  # reading certificates takes a package that loads slowly

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
