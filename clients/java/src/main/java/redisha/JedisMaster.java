package redisha;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.WeakHashMap;
import redis.clients.jedis.CommandObject;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionFactory;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.JedisSocketFactory;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.executors.CommandExecutor;
import redis.clients.jedis.providers.PooledConnectionProvider;

/**
 * The recipe for jedis: its sockets go to whoever is master now, and commands are tried again until there is one.
 *
 * <p>It listens to all Sentinels. When they announce a new master, it closes the sockets to the old one, so that who
 * waits there connects anew: also BLPOP, XREADGROUP BLOCK 0 and SUBSCRIBE, and where the old master is merely silent.
 * jedis' own Sentinel client makes a new pool then, and leaves those alone who wait on a connection of the old one.
 */
public final class JedisMaster implements JedisSocketFactory {
    // All in milliseconds. A LAN answers in one; a hand-over pauses writes for less than half a second.
    private static final int CONNECT_TIMEOUT = 250;
    private static final int READ_TIMEOUT = 500;
    private static final int ASK_TIMEOUT = 3000; // of a Sentinel; nobody waits for one that is late
    private static final int LOOK_EVERY = 2000; // a Sentinel that has announced nothing is asked again
    private static final int PAUSE = 10;
    private static final int PATIENCE = 15_000;

    /** What a Sentinel says. The highest epoch is right: one that has slept through a failover has a lower one. */
    private record Answer(long epoch, HostAndPort address) {}

    private final String name;
    private final Map<HostAndPort, Answer> answers = new HashMap<>();
    private final Map<Socket, HostAndPort> sockets = new WeakHashMap<>();
    private HostAndPort address;

    private JedisMaster(String name) {
        this.name = name;
    }

    /** A client of whichever node is master, for any number of threads. */
    public static UnifiedJedis client(Collection<HostAndPort> sentinels, String name, String password, int threads) {
        JedisMaster master = new JedisMaster(name);
        JedisClientConfig ofSentinel = DefaultJedisClientConfig.builder().password(password)
                .connectionTimeoutMillis(ASK_TIMEOUT).socketTimeoutMillis(ASK_TIMEOUT)
                .blockingSocketTimeoutMillis(LOOK_EVERY).build();
        for (HostAndPort sentinel : sentinels) {
            Thread listener = new Thread(() -> master.listen(sentinel, ofSentinel), name + "-sentinel-" + sentinel);
            listener.setDaemon(true);
            listener.start();
        }
        JedisClientConfig ofNode = DefaultJedisClientConfig.builder().password(password)
                .connectionTimeoutMillis(CONNECT_TIMEOUT).socketTimeoutMillis(READ_TIMEOUT).build();
        ConnectionPoolConfig pool = new ConnectionPoolConfig();
        pool.setMaxTotal(threads);
        pool.setMaxIdle(threads);
        PooledConnectionProvider provider = new PooledConnectionProvider(new ConnectionFactory(master, ofNode), pool);
        return RedisClient.builder().hostAndPort(name, 6379).clientConfig(ofNode).connectionProvider(provider)
                .commandExecutor(master.new Patient(provider)).build();
    }

    /** Hears channels for ever, on each master in turn. */
    public static void subscribe(UnifiedJedis client, JedisPubSub listener, String... channels)
            throws InterruptedException {
        while (true) {
            try {
                client.subscribe(listener, channels);
            } catch (JedisConnectionException closed) {
                Thread.sleep(PAUSE);
            }
        }
    }

    /** A socket to the master, for as long as no other one is announced. */
    @Override
    public Socket createSocket() {
        HostAndPort to = address();
        if (to == null) {
            throw new JedisConnectionException("no Sentinel has answered yet");
        }
        Socket socket = new Socket();
        synchronized (this) {
            sockets.put(socket, to);
        }
        try {
            socket.setTcpNoDelay(true);
            socket.setKeepAlive(true);
            socket.connect(new InetSocketAddress(to.getHost(), to.getPort()), CONNECT_TIMEOUT);
            socket.setSoTimeout(READ_TIMEOUT);
        } catch (IOException error) {
            close(socket);
            throw new JedisConnectionException("no connection to " + to, error);
        }
        if (!to.equals(address())) {
            close(socket);
            throw new JedisConnectionException("another master was announced");
        }
        return socket;
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException alreadyClosed) {
            // It is of no more use either way.
        }
    }

    private synchronized HostAndPort address() {
        return address;
    }

    private synchronized void waitForOther(HostAndPort than) throws InterruptedException {
        if (than == null || than.equals(address)) {
            wait(PAUSE);
        }
    }

    /** Notes a Sentinel's answer (null: it does not answer) and ends the connections to who is master no longer. */
    private synchronized void heard(HostAndPort sentinel, Answer said) {
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
        sockets.forEach((socket, to) -> {
            if (!to.equals(address)) {
                close(socket);
            }
        });
    }

    /** Tells what one Sentinel says, for ever. */
    private void listen(HostAndPort sentinel, JedisClientConfig config) {
        while (true) {
            try (Jedis asked = new Jedis(sentinel, config); Jedis channel = new Jedis(sentinel, config)) {
                ask(sentinel, asked);
                channel.subscribe(new JedisPubSub() {
                    @Override
                    public void onSubscribe(String ignored, int count) {
                        ask(sentinel, asked);
                    }

                    @Override
                    public void onMessage(String ignored, String message) {
                        ask(sentinel, asked);
                    }
                }, "+switch-master");
            } catch (JedisException goneOrQuiet) {
                // After LOOK_EVERY without an announcement it is asked anew; whether it is gone shows then.
                forget(sentinel, config);
            }
        }
    }

    private void forget(HostAndPort sentinel, JedisClientConfig config) {
        try (Jedis asked = new Jedis(sentinel, config)) {
            ask(sentinel, asked);
        } catch (JedisException gone) {
            heard(sentinel, null);
            try {
                Thread.sleep(10 * PAUSE);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void ask(HostAndPort sentinel, Jedis asked) {
        Map<String, String> state = asked.sentinelMaster(name);
        HostAndPort named = new HostAndPort(state.get("ip"), Integer.parseInt(state.get("port")));
        heard(sentinel, new Answer(Long.parseLong(state.get("config-epoch")), named));
    }

    /** Does a command again until a master has answered it. */
    private final class Patient implements CommandExecutor {
        private final PooledConnectionProvider provider;

        Patient(PooledConnectionProvider provider) {
            this.provider = provider;
        }

        @Override
        public <T> T executeCommand(CommandObject<T> command) {
            long ends = 0; // counted from the first failure: who waits may have waited for hours
            while (true) {
                HostAndPort asked = address();
                JedisException failed;
                try (Connection connection = provider.getConnection(command.getArguments())) {
                    try {
                        return connection.executeCommand(command);
                    } catch (JedisDataException answer) {
                        if (!elsewhere(answer)) {
                            throw answer;
                        }
                        connection.setBroken();
                        failed = answer;
                    }
                } catch (JedisDataException answer) {
                    throw answer;
                } catch (JedisException error) {
                    failed = error;
                }
                long now = System.nanoTime();
                ends = ends == 0 ? now + Duration.ofMillis(PATIENCE).toNanos() : ends;
                if (now > ends) {
                    throw failed;
                }
                try {
                    waitForOther(asked);
                } catch (InterruptedException ended) {
                    Thread.currentThread().interrupt();
                    throw failed;
                }
            }
        }

        /** A master that has become a replica says READONLY, and UNBLOCKED to who waits. */
        private boolean elsewhere(JedisDataException answer) {
            return answer.getMessage() != null
                    && answer.getMessage().matches("(?s)(READONLY|UNBLOCKED|NOREPLICAS|LOADING|MASTERDOWN).*");
        }

        @Override
        public void close() {
            provider.close();
        }
    }
}
