// The smallest useful backend: the first question and the main menu. Java 17, no dependencies.
// Run:  java Backend.java 8091
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import static java.nio.charset.StandardCharsets.UTF_8;

public class Backend {
    public static void main(String[] args) throws Exception {
        System.setProperty("sun.net.httpserver.nodelay", "true");  // else 40 ms a request on a kept connection
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);
        server.createContext("/ivr/action", exchange -> {
            var event = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
            var action = nextAction(field(event, "reason"), field(event, "menu"), field(event, "digits"));
            var answer = action.getBytes(UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.createContext("/ivr/events", exchange -> {
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        System.out.println("The backend listens on http://127.0.0.1:" + args[0]);
    }

    /** The answer to one action_requested event. Nothing is kept: the menu's name carries the language. */
    static String nextAction(String reason, String menu, String digits) {
        var lang = menu.endsWith("_en") ? "en" : "he";
        var goodbye = json("'action':'hangup','prompt':'goodbye','cause':16", lang);
        if (reason.equals("call_started")) return menu("language", "welcome", "he", 1);
        // Nobody pressed a key; or an order number: look it up here, answer say_digits.
        if (digits.isEmpty() || menu.startsWith("order_")) return goodbye;
        if (menu.equals("language")) return switch (digits) {
            case "1" -> menu("main_he", "main_menu_he", "he", 1);
            case "2" -> menu("main_en", "main_menu_en", "en", 1);
            default -> menu("language", "welcome", "he", 1);
        };
        return switch (digits) {
            case "1" -> menu("order_" + lang, "order_number_" + lang, lang, 4);
            case "2" -> json("'action':'call','target':'0501234567','ring_timeout':20", lang);
            case "3" -> json("'action':'record','prompt':'leave_message','max_duration':120", lang);
            case "9" -> goodbye;
            default -> menu("main_" + lang, "wrong_choice_" + lang, lang, 1);
        };
    }

    static String menu(String menu, String prompt, String lang, int maxDigits) {
        var fields = "'action':'menu','menu':'%s','prompt':'%s','max_digits':%d,'loops':2";
        return json(fields.formatted(menu, prompt, maxDigits), lang);
    }

    static String json(String fields, String lang) {
        return "{%s,'language':'%s'}".formatted(fields, lang).replace('\'', '"');
    }

    /** A string of the flat event, "" where it is null or absent. Your JSON library does this better. */
    static String field(String json, String name) {
        var found = Pattern.compile('"' + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
        return found.find() ? found.group(1) : "";
    }
}
