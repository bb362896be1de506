//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../bench/Chart.java
//SOURCES ../bench/Goals.java
//SOURCES ../bench/Peers.java
//SOURCES ../bench/Programs.java
//SOURCES ../bench/Measurements.java
//SOURCES ../bench/SignedServer.java
//SOURCES ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

/** What benchmarks make of what they measured, and that the programs compared do the work. */
class BenchTest {

  private static Measurements.Cost cost(double wall) {
    return new Measurements.Cost(wall, 2 * wall, 100, 26, 2048);
  }

  private static List<Measurements.Cost> costs(double... walls) {
    return Arrays.stream(walls).mapToObj(BenchTest::cost).toList();
  }

  private static Measurements measured(String id, Map<String, List<Measurements.Cost>> costs) {
    return new Measurements(List.of(new Measurements.Comparison(id, "`" + id + "`", costs)));
  }

  private static Measurements installedAndPython(double installed, double python) {
    Map<String, List<Measurements.Cost>> costs = new LinkedHashMap<>();
    costs.put(Goals.INSTALLED, costs(installed));
    costs.put(Goals.PYTHON, costs(python));
    return measured("24", costs);
  }

  @Test
  void the_median_is_the_middle_of_an_odd_number_and_between_two_of_an_even_one() {
    assertEquals(2, Measurements.median(costs(3, 1, 2), Measurements.Cost::wall));
    assertEquals(2.5, Measurements.median(costs(4, 1, 3, 2), Measurements.Cost::wall));
    assertEquals(4, Measurements.median(costs(3, 1, 2), Measurements.Cost::cpu));
  }

  @Test
  void a_table_has_the_median_and_the_range_of_each_program() {
    Measurements.Comparison comparison =
        measured("24", Map.of("Go", costs(0.3, 0.1, 0.2))).comparisons().getFirst();
    assertTrue(
        Measurements.table(comparison)
            .contains("| Go | 0.20 | 0.10–0.30 | 0.40 | 100 | 26 | 2 |\n"),
        Measurements.table(comparison));
  }

  @Test
  void a_goal_that_is_missed_is_said_to_be_missed_and_why() {
    Goals.Goal goal =
        new Goals.Goal(
            "as fast as Python", false, 1, "×", r -> r.wall("24", Goals.INSTALLED), "start-up");
    assertEquals(
        "| as fast as Python | ≤ 1.00 × | 1.50 × | **no**: start-up |",
        row(goal, installedAndPython(1.5, 1)));
    assertEquals(
        "| as fast as Python | ≤ 1.00 × | 0.50 × | yes |", row(goal, installedAndPython(0.5, 1)));
  }

  @Test
  void a_goal_whose_quantity_was_not_measured_is_neither_met_nor_missed() {
    for (Goals.Goal goal : Goals.ALL) {
      String row = row(goal, new Measurements(List.of()));
      assertTrue(row.endsWith("|  | not measured |"), row);
    }
  }

  private static String row(Goals.Goal goal, Measurements measured) {
    return Goals.table(List.of(goal), measured).lines().toList().getLast();
  }

  @Test
  void a_lower_limit_is_met_from_it_upwards_and_an_upper_one_up_to_it() {
    Goals.Goal least = new Goals.Goal("fast", true, 2, "×", r -> 0, "");
    Goals.Goal most = new Goals.Goal("small", false, 2, "×", r -> 0, "");
    assertTrue(least.isMetBy(2) && least.isMetBy(3) && most.isMetBy(2) && most.isMetBy(1));
    assertFalse(least.isMetBy(1.9) || most.isMetBy(2.1));
  }

  @Test
  void installed_and_python_are_judged_by_their_wall_times_with_what_stands_in_the_way() {
    String row =
        Goals.table(Goals.ALL, installedAndPython(0.3, 0.2))
            .lines()
            .filter(line -> line.contains("installed ÷ Python, 24 × 30"))
            .findFirst()
            .orElseThrow();
    assertTrue(
        row.matches(".* 24 × 30 \\| ≤ 1.00 × \\| 1.50 × \\| \\*\\*no\\*\\*: \\w.* \\|"), row);
  }

  @Test
  void the_chart_is_well_formed_and_says_in_words_what_its_bars_show() throws Exception {
    Measurements measured = installedAndPython(0.5, 0.25);
    String svg =
        Chart.svg(
            measured,
            Map.of("24", "24 < 30 & more"),
            List.of(Goals.INSTALLED, Goals.GO, Goals.PYTHON),
            "<b>");
    var document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(svg)));
    assertEquals(
        "24 < 30 & more: installed 0.50 s, Python 0.25 s.",
        document.getElementsByTagName("desc").item(0).getTextContent());
    var bars = document.getElementsByTagName("rect");
    assertEquals(2, bars.getLength(), "Go was not measured");
    List<Double> widths =
        List.of(
            Double.valueOf(bars.item(0).getAttributes().getNamedItem("width").getNodeValue()),
            Double.valueOf(bars.item(1).getAttributes().getNamedItem("width").getNodeValue()));
    assertEquals(widths.getFirst(), 2 * widths.getLast());
    assertEquals(0, document.getElementsByTagName("b").getLength());
  }

  @Test
  void only_what_is_between_the_marks_of_a_page_is_replaced() {
    assertEquals(
        "a\n<1>\n\nnew\n<2>\nb\n",
        Measurements.between("a\n<1>\nold\nold\n<2>\nb\n", "<1>", "<2>", "new"));
    assertThrows(
        IllegalArgumentException.class,
        () -> Measurements.between("a\n<1>\n", "<1>", "<2>", "new"));
  }

  @Test
  void the_pages_show_the_results_that_were_written_last() throws IOException {
    Path root = Project.root();
    assertTrue(Files.readString(root.resolve("README.md")).contains("(bench/results.svg)"));
    String page = Files.readString(root.resolve("bench/README.md"));
    assertTrue(page.contains("(results.svg)"));
    Goals.ALL.forEach(goal -> assertTrue(page.contains("\n| " + goal.text() + " | "), goal.text()));
  }

  @Test
  void the_python_program_finds_every_signature_good_and_an_altered_record_bad()
      throws IOException {
    Path script = Project.root().resolve("bench/lean.py");
    verifies(Peers.PYTHON.path(), List.of(Peers.PYTHON.path(), script), List.of("http.client"));
  }

  @Test
  void the_go_program_finds_every_signature_good_and_an_altered_record_bad(@TempDir Path folder)
      throws IOException {
    Path go = Peers.GO.path();
    Path built = folder.resolve("lean");
    Project.Outcome outcome =
        Project.run(go, "build", "-o", built, Project.root().resolve("bench/lean.go")).go();
    assertEquals(0, outcome.exit(), outcome.stderr());
    verifies(Peers.PYTHON.path(), List.of(built), List.of());
  }

  /** A run that does not find what it has to find throws. */
  private static void verifies(Path python, List<Path> command, List<String> last)
      throws IOException {
    try (SignedServer server = new SignedServer(3, 20, 300)) {
      List<Object> line = new ArrayList<>(command);
      line.addAll(List.of(server.url(), server.rootHash(), 2));
      line.addAll(last);
      Programs.Task task = new Programs.Task(Map.of(), 0, ".*:  OK", 3);
      Programs programs = new Programs(python, server::traffic, () -> {});
      Measurements.Cost cost = programs.once(task.by("", line.toArray()));
      assertEquals(5, cost.requests(), "the list, three collections and a chain");
      server.alterOneRecord();
      programs.once(task.withOneBad().by("", line.toArray()));
      assertThrows(
          IllegalStateException.class,
          () -> programs.once(task.by("", line.toArray())),
          "a run that reports less is not counted");
    }
  }
}
