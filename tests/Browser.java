//DEPS com.deque.html.axe-core:playwright:4.11.3@fatjar
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../bench/Peers.java

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Chromium without a window, which tests look at pages with. It starts when the first page is
 * asked for, is shared by all tests, and ends with this JVM. Pages know nothing of each other.
 *
 * <p>It is spoken to by the DevTools protocol over two pipes, whose end is its end too.
 */
final class Browser {

  /** Its profile is a folder that is removed after it. A wrapper may want {@code HOME}. */
  private static final String PROGRAM =
      """
      trap '' INT
      profile=$(mktemp -d)
      "$@" --user-data-dir="$profile" about:blank 3<&0 4>&1 >/dev/null </dev/null
      rm -rf "$profile"
      """;

  private static final List<String> FLAGS =
      List.of(
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--disable-dev-shm-usage",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
          "--no-first-run",
          "--hide-scrollbars",
          "--remote-debugging-pipe");

  private static final Duration LIMIT = Duration.ofMinutes(3);

  private static Browser running;

  private final OutputStream commands;
  private final AtomicInteger ids = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
  private final Map<String, Page> pages = new ConcurrentHashMap<>();
  private final StringBuffer log = new StringBuffer();

  private Browser(Path program) {
    List<String> command = new ArrayList<>(List.of("sh", "-c", PROGRAM, "sh", program.toString()));
    command.addAll(FLAGS);
    try {
      Process process = new ProcessBuilder(command).start();
      commands = process.getOutputStream();
      Thread.ofPlatform().daemon().start(() -> read(process.getInputStream()));
      Thread.ofPlatform().daemon().start(() -> keep(process.getErrorStream()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    call(null, "Browser.getVersion", Map.of());
  }

  /** An empty page of its own. Skips the test, or fails it, where {@link Peers#CHROMIUM} does. */
  static Page page() {
    return shared().new Page();
  }

  /** What axe-core finds on a light phone and on a dark desktop. */
  static List<String> violations(Path html) {
    try (Page page = page()) {
      List<String> found = new ArrayList<>(page.light().phone().open(html).violations());
      found.addAll(page.dark().size(1280, 800, 1).open(html).violations());
      return found;
    }
  }

  private static synchronized Browser shared() {
    if (running == null) {
      running = new Browser(Peers.CHROMIUM.path());
    }
    return running;
  }

  private static String axe() {
    try (InputStream file = Browser.class.getResourceAsStream("/axe.min.js")) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends a command and waits for its result. */
  private JsonNode call(String session, String method, Map<String, ?> parameters) {
    int id = ids.incrementAndGet();
    ObjectNode message = JsonMapper.shared().createObjectNode();
    message.put("id", id).put("method", method);
    message.set("params", JsonMapper.shared().valueToTree(parameters));
    if (session != null) {
      message.put("sessionId", session);
    }
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    answers.put(id, answer);
    try {
      synchronized (commands) {
        commands.write((message + "\0").getBytes(StandardCharsets.UTF_8));
        commands.flush();
      }
      JsonNode said = answer.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      if (said.has("error")) {
        throw new AssertionError(method + ": " + said.path("error"));
      }
      return said.path("result");
    } catch (IOException | ExecutionException | TimeoutException e) {
      throw new AssertionError(method + ": " + e + "\n" + log, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    } finally {
      answers.remove(id);
    }
  }

  /** Takes in answers and events, each of which ends with a zero byte, in their order. */
  private void read(InputStream messages) {
    ByteArrayOutputStream message = new ByteArrayOutputStream();
    try (InputStream in = new BufferedInputStream(messages, 1 << 16)) {
      for (int b = in.read(); b >= 0; b = in.read()) {
        if (b != 0) {
          message.write(b);
          continue;
        }
        JsonNode json = JsonMapper.shared().readTree(message.toByteArray());
        message.reset();
        CompletableFuture<JsonNode> answer = answers.get(json.path("id").asInt(0));
        Page page = pages.get(json.path("sessionId").asString(""));
        if (answer != null) {
          answer.complete(json);
        } else if (page != null) {
          page.happened(json.path("method").asString(""), json.path("params"));
        }
      }
    } catch (IOException | RuntimeException e) {
      log.append(e).append('\n');
    }
    IOException ended = new IOException("the browser has ended");
    answers.values().forEach(answer -> answer.completeExceptionally(ended));
  }

  private void keep(InputStream errors) {
    try (errors) {
      byte[] buffer = new byte[8192];
      for (int n = errors.read(buffer); n >= 0; n = errors.read(buffer)) {
        log.append(new String(buffer, 0, n, StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      log.append(e).append('\n');
    }
  }

  /**
   * A page. What it looks like (size, media, scripts) is best said before it is opened, and can be
   * changed later.
   */
  final class Page implements AutoCloseable {
    private final String context;
    private final String session;
    private final Set<String> loaded = ConcurrentHashMap.newKeySet();
    private final List<String> console = new CopyOnWriteArrayList<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final Map<String, String> features = new TreeMap<>();
    private String media = "";

    private Page() {
      context =
          call(null, "Target.createBrowserContext", Map.of()).path("browserContextId").asString("");
      String target =
          call(
                  null,
                  "Target.createTarget",
                  Map.of("url", "about:blank", "browserContextId", context))
              .path("targetId")
              .asString("");
      session =
          call(null, "Target.attachToTarget", Map.of("targetId", target, "flatten", true))
              .path("sessionId")
              .asString("");
      pages.put(session, this);
      for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
        send(domain + ".enable", Map.of());
      }
      send("Page.setLifecycleEventsEnabled", Map.of("enabled", true));
      size(1280, 800, 1);
    }

    /** Any command of the DevTools protocol, for this page. */
    JsonNode send(String method, Map<String, ?> parameters) {
      return call(session, method, parameters);
    }

    private void happened(String event, JsonNode what) {
      switch (event) {
        case "Page.lifecycleEvent" -> {
          if (what.path("name").asString("").equals("load")) {
            loaded.add(what.path("loaderId").asString(""));
          }
        }
        case "Network.requestWillBeSent" ->
            requests.add(what.path("request").path("url").asString(""));
        case "Runtime.consoleAPICalled" -> {
          List<String> words = new ArrayList<>();
          for (JsonNode word : what.path("args")) {
            JsonNode value = word.path("value");
            words.add(
                value.isMissingNode() ? word.path("description").asString("") : value.asString(""));
          }
          console.add(what.path("type").asString("") + ": " + String.join(" ", words));
        }
        case "Runtime.exceptionThrown" ->
            console.add("exception: " + exception(what.path("exceptionDetails")));
        case "Log.entryAdded" -> {
          JsonNode entry = what.path("entry");
          console.add(entry.path("level").asString("") + ": " + entry.path("text").asString(""));
        }
        default -> {}
      }
    }

    private static String exception(JsonNode details) {
      return details
          .path("exception")
          .path("description")
          .asString(details.path("text").asString(""));
    }

    // What it looks like

    /** So many CSS pixels, each as so many of the screen's. */
    Page size(int width, int height, double scale) {
      return size(width, height, scale, false);
    }

    /** As on a small phone, which heeds the viewport that a page asks for. */
    Page phone() {
      return size(360, 740, 2, true);
    }

    private Page size(int width, int height, double scale, boolean mobile) {
      send(
          "Emulation.setDeviceMetricsOverride",
          Map.of("width", width, "height", height, "deviceScaleFactor", scale, "mobile", mobile));
      return this;
    }

    /** {@code print} or {@code screen}. */
    Page media(String type) {
      media = type;
      return emulate();
    }

    /** A media feature such as {@code prefers-reduced-motion}. */
    Page feature(String name, String value) {
      features.put(name, value);
      return emulate();
    }

    Page dark() {
      return feature("prefers-color-scheme", "dark");
    }

    Page light() {
      return feature("prefers-color-scheme", "light");
    }

    private Page emulate() {
      List<Map<String, String>> list =
          features.entrySet().stream()
              .map(feature -> Map.of("name", feature.getKey(), "value", feature.getValue()))
              .toList();
      send("Emulation.setEmulatedMedia", Map.of("media", media, "features", list));
      return this;
    }

    /** The page's own scripts do not run; {@link #evaluate} does. */
    Page withoutScripts() {
      send("Emulation.setScriptExecutionDisabled", Map.of("value", true));
      return this;
    }

    // What it shows

    /** Opens a file, and waits until it is loaded. */
    Page open(Path html) {
      return open(html.toUri());
    }

    /** Opens a page, and waits until it is loaded. */
    Page open(URI url) {
      JsonNode navigated = send("Page.navigate", Map.of("url", url.toString()));
      if (navigated.has("errorText")) {
        throw new AssertionError(url + ": " + navigated.path("errorText").asString(""));
      }
      String loader = navigated.path("loaderId").asString("");
      long end = System.nanoTime() + LIMIT.toNanos();
      // a jump within a page loads nothing
      while (!loader.isEmpty() && !loaded.contains(loader)) {
        if (System.nanoTime() > end) {
          throw new AssertionError(url + " is not loaded after " + LIMIT);
        }
        pause();
      }
      return this;
    }

    /** The value of an expression; a promise is waited for. What it throws fails the test. */
    JsonNode evaluate(String javaScript) {
      JsonNode result =
          send(
              "Runtime.evaluate",
              Map.of(
                  "expression",
                  javaScript,
                  "awaitPromise",
                  true,
                  "returnByValue",
                  true,
                  "userGesture",
                  true));
      if (result.has("exceptionDetails")) {
        throw new AssertionError(exception(result.path("exceptionDetails")));
      }
      return result.path("result").path("value");
    }

    /** Waits until that expression is true, be it of the page that comes after this one. */
    Page await(String javaScript) {
      long end = System.nanoTime() + LIMIT.toNanos();
      while (!isTrue(javaScript)) {
        if (System.nanoTime() > end) {
          throw new AssertionError("not true after " + LIMIT + ": " + javaScript);
        }
        pause();
      }
      return this;
    }

    private boolean isTrue(String javaScript) {
      try {
        return evaluate("!!(" + javaScript + ")").asBoolean(false);
      } catch (AssertionError e) {
        if (e.getMessage().contains("Inspected target navigated")) {
          return false;
        }
        throw e;
      }
    }

    private static void pause() {
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
    }

    /** The document as it is now, scripts having run. */
    String dom() {
      return "<!DOCTYPE html>\n" + evaluate("document.documentElement.outerHTML").asString("");
    }

    /** The visible text of the element that a selector finds. */
    String text(String selector) {
      return evaluate(element(selector) + ".innerText").asString("");
    }

    private static String element(String selector) {
      return "document.querySelector(" + JsonMapper.shared().writeValueAsString(selector) + ")";
    }

    // What a user does

    /** Puts text into the field that a selector finds, as pasted. */
    Page type(String selector, String text) {
      evaluate(element(selector) + ".focus()");
      send("Input.insertText", Map.of("text", text));
      return this;
    }

    /** Presses and releases a key: a character, or {@code Tab}, {@code Enter}, {@code Escape}. */
    Page press(String key) {
      int code =
          switch (key) {
            case "Tab" -> 9;
            case "Enter" -> 13;
            case "Escape" -> 27;
            case "Backspace" -> 8;
            default -> key.length() == 1 ? Character.toUpperCase(key.charAt(0)) : 0;
          };
      String text = key.length() == 1 ? key : key.equals("Enter") ? "\r" : "";
      Map<String, Object> event =
          Map.of("key", key, "code", key, "windowsVirtualKeyCode", code, "text", text);
      for (String type : List.of(text.isEmpty() ? "rawKeyDown" : "keyDown", "keyUp")) {
        Map<String, Object> typed = new TreeMap<>(event);
        typed.put("type", type);
        send("Input.dispatchKeyEvent", typed);
      }
      return this;
    }

    /** Clicks in the middle of the element that a selector finds. */
    Page click(String selector) {
      JsonNode place =
          evaluate(
              "(e => { e.scrollIntoView({block: 'center', behavior: 'instant'});"
                  + " const r = e.getBoundingClientRect();"
                  + " return [r.x + r.width / 2, r.y + r.height / 2]; })("
                  + element(selector)
                  + ")");
      for (String type : List.of("mousePressed", "mouseReleased")) {
        send(
            "Input.dispatchMouseEvent",
            Map.of(
                "type",
                type,
                "x",
                place.path(0).asDouble(0),
                "y",
                place.path(1).asDouble(0),
                "button",
                "left",
                "clickCount",
                1));
      }
      return this;
    }

    // What can be seen

    /** A picture (PNG) of what fits its size. */
    byte[] screenshot() {
      return bytes(send("Page.captureScreenshot", Map.of()));
    }

    /** A picture (PNG) of the whole page, however long. */
    byte[] wholeScreenshot() {
      JsonNode size = send("Page.getLayoutMetrics", Map.of()).path("cssContentSize");
      Map<String, Double> clip =
          Map.of(
              "x",
              0.0,
              "y",
              0.0,
              "width",
              size.path("width").asDouble(0),
              "height",
              size.path("height").asDouble(0),
              "scale",
              1.0);
      return bytes(
          send("Page.captureScreenshot", Map.of("captureBeyondViewport", true, "clip", clip)));
    }

    /** What a printer gets (PDF). */
    byte[] pdf() {
      return bytes(send("Page.printToPDF", Map.of("preferCSSPageSize", true)));
    }

    private static byte[] bytes(JsonNode result) {
      return Base64.getDecoder().decode(result.path("data").asString(""));
    }

    /** Writes {@link #wholeScreenshot} to a file. */
    Page save(Path png) {
      try {
        Files.write(png, wholeScreenshot());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return this;
    }

    /**
     * What the console shows: messages of scripts, exceptions, refused styles and scripts, missing
     * files. Each begins with its kind, as in {@code error: }.
     */
    List<String> console() {
      evaluate("0"); // what happened before this answer has been told by then
      return List.copyOf(console);
    }

    /** The address of everything that it asked for, itself first; refused requests too. */
    List<String> requests() {
      evaluate("0");
      return List.copyOf(requests);
    }

    /**
     * What axe-core finds: rule, impact, element and what to do, one line each. It runs where a
     * Content-Security-Policy does not reach.
     */
    List<String> violations() {
      if (!evaluate("typeof axe !== 'undefined'").asBoolean(false)) {
        evaluate(axe() + "\n;0");
      }
      JsonNode found =
          evaluate(
              """
              axe.run(document, {resultTypes: ['violations']}).then(result =>
                result.violations.flatMap(rule => rule.nodes.map(node =>
                  `${rule.id} (${node.impact}) ${node.target.join(' ')}: ${rule.help}: `
                    + [...node.any, ...node.all, ...node.none].map(c => c.message).join('; '))))
              """);
      return found.valueStream().map(line -> line.asString("")).collect(Collectors.toList());
    }

    @Override
    public void close() {
      pages.remove(session);
      call(null, "Target.disposeBrowserContext", Map.of("browserContextId", context));
    }
  }
}
