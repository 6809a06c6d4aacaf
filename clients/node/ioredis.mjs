// The recipe for ioredis: options alone. What they are for is what takes it 10 s as it comes.
import { Redis } from "ioredis";

/**
 * A client of whichever node is master. For SUBSCRIBE and commands that wait (BLPOP, XREADGROUP BLOCK 0) take one with
 * `waits`, each on its own.
 *
 * @param {{host: string, port: number}[]} sentinels
 * @param {string} name of the master
 * @param {string} password
 * @param {boolean} waits
 */
export function client(sentinels, name, password, waits = false) {
  const redis = new Redis({
    sentinels,
    name,
    password,
    sentinelPassword: password,
    // Listens to all Sentinels, and leaves the old master as soon as they announce a new one.
    failoverDetector: true,
    sentinelReconnectStrategy: () => 1000,
    // The old master may be hung: it is not waited for until it has closed the connection as well.
    disconnectTimeout: 0,
    // ms. A LAN answers in one; a hand-over pauses writes for less than half a second.
    connectTimeout: 250,
    sentinelCommandTimeout: 250,
    socketTimeout: waits ? undefined : 500,
    // Until there is a master, tried again every 10 ms; commands are kept and sent again.
    retryStrategy: () => 10,
    sentinelRetryStrategy: () => 10,
    maxRetriesPerRequest: null,
    // A master that has become a replica says READONLY, and UNBLOCKED to who waits: connect anew, and send it again.
    reconnectOnError: (error) => (/^(READONLY|UNBLOCKED|NOREPLICAS)/.test(error.message) ? 2 : false),
  });
  // Every attempt at a master that is gone is an error event; the commands are what counts.
  redis.on("error", () => {});
  return redis;
}
