package redisha;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.Delay;
import io.lettuce.core.resource.NettyCustomizer;
import io.lettuce.core.resource.SocketAddressResolver;
import io.lettuce.core.sentinel.api.StatefulRedisSentinelConnection;
import io.netty.channel.Channel;
import io.netty.util.HashedWheelTimer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The recipe for lettuce: its own reconnecting, at once and to whoever is master now.
 *
 * <p>It listens to all Sentinels. When they announce a new master, it closes the channels to the old one. lettuce then
 * connects anew, sends again what had no answer (also BLPOP and XREADGROUP BLOCK 0), and subscribes again.
 */
public final class LettuceMaster {
    private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(250); // a LAN answers in one
    private static final Duration ASK_TIMEOUT = Duration.ofSeconds(3); // of a Sentinel; nobody waits for a late one
    private static final Duration PAUSE = Duration.ofMillis(10);
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final long LOOK_EVERY = 2000; // ms; a Sentinel that has announced nothing is asked again

    /** What a Sentinel says. The highest epoch is right: one that has slept through a failover has a lower one. */
    private record Answer(long epoch, InetSocketAddress address) {}

    private final String name;
    private final Map<RedisURI, Answer> answers = new HashMap<>();
    private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
    private volatile InetSocketAddress address;

    private LettuceMaster(String name) {
        this.name = name;
    }

    /**
     * A client whose connections are to whichever node is master. Commands wait on them for PATIENCE; for those that
     * wait themselves, {@code connection.setTimeout(Duration.ZERO)}.
     */
    public static RedisClient client(Collection<RedisURI> sentinels, String name, String password) {
        LettuceMaster master = new LettuceMaster(name);
        RedisClient asking = RedisClient.create(
                ClientResources.builder().reconnectDelay(Delay.constant(PAUSE.multipliedBy(20))).build());
        for (RedisURI sentinel : sentinels) {
            RedisURI uri = RedisURI.builder(sentinel).withPassword(password.toCharArray()).withTimeout(ASK_TIMEOUT).build();
            Thread listener = new Thread(() -> master.listen(asking, uri), name + "-sentinel-" + uri.getPort());
            listener.setDaemon(true);
            listener.start();
        }
        ClientResources resources = ClientResources.builder()
                .reconnectDelay(Delay.constant(PAUSE))
                // The usual timer looks every 100 ms only.
                .timer(new HashedWheelTimer(5, TimeUnit.MILLISECONDS))
                .socketAddressResolver(new SocketAddressResolver() {
                    @Override
                    public SocketAddress resolve(RedisURI ignored) {
                        return master.current();
                    }
                })
                .nettyCustomizer(new NettyCustomizer() {
                    @Override
                    public void afterChannelInitialized(Channel channel) {
                        master.channels.add(channel);
                        channel.closeFuture().addListener(closed -> master.channels.remove(channel));
                    }
                })
                .build();
        RedisURI uri = RedisURI.builder().withHost(name).withPassword(password.toCharArray()).withTimeout(PATIENCE).build();
        RedisClient client = RedisClient.create(resources, uri);
        client.setOptions(ClientOptions.builder()
                .socketOptions(SocketOptions.builder().connectTimeout(CONNECT_TIMEOUT).keepAlive(true).build())
                .build());
        return client;
    }

    /** Does a command again while the master says that it is none (READONLY), lets go who waits (UNBLOCKED), or is gone. */
    public static <T> T patiently(Supplier<T> command) {
        long ends = 0; // counted from the first failure: who waits may have waited for hours
        while (true) {
            try {
                return command.get();
            } catch (RedisException failed) {
                long now = System.nanoTime();
                ends = ends == 0 ? now + PATIENCE.toNanos() : ends;
                if (!elsewhere(failed) || now > ends) {
                    throw failed;
                }
                try {
                    Thread.sleep(PAUSE.toMillis());
                } catch (InterruptedException ended) {
                    Thread.currentThread().interrupt();
                    throw failed;
                }
            }
        }
    }

    /** Of a connection that was reset lettuce gives up the oldest command; the others it sends again. */
    private static boolean elsewhere(RedisException failed) {
        if (!(failed instanceof RedisCommandExecutionException)) {
            return failed.getCause() instanceof IOException;
        }
        return failed.getMessage() != null
                && failed.getMessage().matches("(?s)(READONLY|UNBLOCKED|NOREPLICAS|LOADING|MASTERDOWN).*");
    }

    /** The master; waits for the first answer of a Sentinel. */
    private synchronized InetSocketAddress current() {
        try {
            for (long waited = 0; address == null && waited < PATIENCE.toMillis(); waited += 100) {
                wait(100);
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
        if (address == null) {
            throw new RedisException("no Sentinel answers");
        }
        return address;
    }

    /** Notes a Sentinel's answer (null: it does not answer) and ends the connections to who is master no longer. */
    private synchronized void heard(RedisURI sentinel, Answer said) {
        if (said == null) {
            answers.remove(sentinel);
        } else {
            answers.put(sentinel, said);
        }
        Answer best = answers.values().stream().max((a, b) -> Long.compare(a.epoch, b.epoch)).orElse(null);
        if (best == null || best.address.equals(address)) {
            return;
        }
        address = best.address;
        notifyAll();
        for (Channel channel : channels) {
            // One that is still connecting has no address yet; whom it is to is not known.
            if (!address.equals(channel.remoteAddress())) {
                channel.close();
            }
        }
    }

    /** Tells what one Sentinel says, for ever. */
    private void listen(RedisClient client, RedisURI sentinel) {
        while (true) {
            try (StatefulRedisSentinelConnection<String, String> asked = client.connectSentinel(sentinel);
                    StatefulRedisPubSubConnection<String, String> channel = client.connectPubSub(sentinel)) {
                Semaphore announced = new Semaphore(0);
                channel.addListener(new RedisPubSubAdapter<>() {
                    @Override
                    public void message(String ignored, String message) {
                        announced.release();
                    }

                    @Override
                    public void subscribed(String ignored, long count) {
                        announced.release();
                    }
                });
                channel.sync().subscribe("+switch-master");
                while (true) {
                    Map<String, String> state = asked.sync().master(name);
                    InetSocketAddress named = new InetSocketAddress(state.get("ip"), Integer.parseInt(state.get("port")));
                    heard(sentinel, new Answer(Long.parseLong(state.get("config-epoch")), named));
                    announced.tryAcquire(LOOK_EVERY, TimeUnit.MILLISECONDS);
                }
            } catch (RedisException gone) {
                heard(sentinel, null);
                try {
                    Thread.sleep(PAUSE.multipliedBy(10).toMillis());
                } catch (InterruptedException ended) {
                    return;
                }
            } catch (InterruptedException ended) {
                return;
            }
        }
    }
}
