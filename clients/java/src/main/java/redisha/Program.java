package redisha;

import com.google.gson.Gson;
import io.lettuce.core.Consumer;
import io.lettuce.core.RedisURI;
import io.lettuce.core.XGroupCreateArgs;
import io.lettuce.core.XReadArgs;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.params.XReadGroupParams;

/** What tests/clients runs, with `jedis` or `lettuce`; what it prints is described in clients/python/program.py. */
public final class Program {
    private static final int EVERY = 10; // ms between two writes

    private record Given(List<String> sentinels, String master, String password, String prefix) {}

    private interface Step {
        void take() throws Exception;
    }

    private Program() {}

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Given given = new Gson().fromJson(in.readLine(), Given.class);
        if (arguments[0].equals("jedis")) {
            withJedis(given);
        } else {
            withLettuce(given);
        }
        while (in.readLine() != null) {
            // Until the end of standard input.
        }
        Runtime.getRuntime().halt(0);
    }

    private static void withJedis(Given given) {
        List<HostAndPort> sentinels = given.sentinels.stream().map(HostAndPort::from).toList();
        UnifiedJedis client = JedisMaster.client(sentinels, given.master, given.password, 8);
        String stream = given.prefix + ":stream";
        once(() -> client.xgroupCreate(stream, "group", StreamEntryID.XGROUP_LAST_ENTRY, true));
        int[] number = {0};
        forever(() -> {
            client.set(given.prefix + ":" + number[0], String.valueOf(number[0]));
            say("ack", number[0]++);
            Thread.sleep(EVERY);
        });
        forever(() -> say("blpop", client.blpop(0, given.prefix + ":list").get(1)));
        XReadGroupParams one = XReadGroupParams.xReadGroupParams().count(1).block(0).noAck();
        Map<String, StreamEntryID> from = Map.of(stream, StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY);
        forever(() -> say("xread",
                client.xreadGroup("group", "one", one, from).get(0).getValue().get(0).getFields().get("number")));
        forever(() -> JedisMaster.subscribe(client, new JedisPubSub() {
            @Override
            public void onMessage(String channel, String message) {
                say("message", message);
            }
        }, given.prefix + ":channel"));
    }

    private static void withLettuce(Given given) {
        List<RedisURI> sentinels = given.sentinels.stream().map(one -> RedisURI.create("redis://" + one)).toList();
        var client = LettuceMaster.client(sentinels, given.master, given.password);
        var ordinary = client.connect();
        var pops = client.connect();
        var reads = client.connect();
        pops.setTimeout(Duration.ZERO);
        reads.setTimeout(Duration.ZERO);
        var stream = XReadArgs.StreamOffset.lastConsumed(given.prefix + ":stream");
        var last = XReadArgs.StreamOffset.latest(given.prefix + ":stream");
        once(() -> ordinary.sync().xgroupCreate(last, "group", XGroupCreateArgs.Builder.mkstream()));
        int[] number = {0};
        forever(() -> {
            String text = String.valueOf(number[0]);
            LettuceMaster.patiently(() -> ordinary.sync().set(given.prefix + ":" + text, text));
            say("ack", number[0]++);
            Thread.sleep(EVERY);
        });
        forever(() -> say("blpop",
                LettuceMaster.patiently(() -> pops.sync().blpop(0, given.prefix + ":list")).getValue()));
        var one = XReadArgs.Builder.block(0).count(1).noack(true);
        var consumer = Consumer.from("group", "one");
        forever(() -> say("xread",
                LettuceMaster.patiently(() -> reads.sync().xreadgroup(consumer, one, stream)).get(0).getBody()
                        .get("number")));
        var hears = client.connectPubSub();
        hears.addListener(new RedisPubSubAdapter<>() {
            @Override
            public void message(String channel, String message) {
                say("message", message);
            }
        });
        hears.sync().subscribe(given.prefix + ":channel");
    }

    private static synchronized void say(String what, Object detail) {
        Instant now = Instant.now();
        long time = what.equals("error") ? 0 : now.getEpochSecond() * 1_000_000_000L + now.getNano();
        System.out.println(what + " " + detail + (time == 0 ? "" : " " + time));
        System.out.flush();
    }

    private static void once(Step step) {
        try {
            step.take();
        } catch (Exception error) {
            say("error", String.valueOf(error.getMessage()).replace('\n', ' '));
        }
    }

    /** Does it again and again, on a thread of its own; an error is said, and is no end. */
    private static void forever(Step step) {
        Thread thread = new Thread(() -> {
            while (true) {
                once(step);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
