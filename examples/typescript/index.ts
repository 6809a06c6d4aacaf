import * as pulumi from "@pulumi/pulumi";
import * as redisHa from "@pulumi/redis-ha";

const config = new pulumi.Config();
const cache = new redisHa.RedisHa("cache", {
  replicas: 2,
  password: config.requireSecret("password"),
  durability: "consistent",
  ports: { master: 24379, replica: 24380, sentinel: 24381 },
  resources: { memory: "256m" },
  redisConfig: { "maxmemory-policy": "allkeys-lru" },
});

export const masterName = cache.masterName;
export const sentinels = cache.sentinels;
export const url = cache.sentinelUrl;
