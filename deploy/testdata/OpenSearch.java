import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/**
 * Runs one node of OpenSearch on loopback, from the jars of Maven Central. The arguments are
 * a folder for its data, the port for HTTP and the one for other nodes, of which there are
 * none. It runs until it is killed.
 */
public final class OpenSearch {
    private static final class Local extends Node {
        Local(Environment environment, PluginInfo plugin) {
            super(environment, List.of(plugin), false);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.builder()
            .put("path.home", arguments[0])
            .put("node.name", "test")
            .put("cluster.name", "test")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", arguments[1])
            .put("transport.port", arguments[2])
            .put("transport.type", "netty4")
            .put("http.type", "netty4")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "test");
        String netty = "org.opensearch.transport.Netty4ModulePlugin";
        new Local(environment, new PluginInfo("transport-netty4", "HTTP", "1", Version.CURRENT, "21", netty, null, List.of(), false)).start();
        new CountDownLatch(1).await();
    }
}
