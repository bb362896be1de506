//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES Html.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The validator finds what is wrong, and lets a page with our kind of things pass. */
class HtmlTest {

  @Test
  void a_good_page_passes() {
    assertEquals(
        List.of(),
        Html.errors(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src \
            'sha256-pmUFDcEPp2TtkWK6EU/nDn5VwUDjKQpaLtvCE0/xDb4='">
            <title>é</title>
            <style>a{color:#06c}</style>
            </head>
            <body>
            <h1>é</h1>
            <p><time datetime="2026-01-31T10:00:00Z">31 January</time></p>
            </body>
            </html>
            """));
  }

  @Test
  void errors_and_warnings_are_found() {
    assertEquals(
        List.of(
            "error 5:12 CSS: “colour”: Property “colour” doesn't exist. (<style>a{colour:red}</st)",
            "error 7:19 An “img” element must have an “alt” attribute, except under certain"
                + " conditions. For details, consult guidance on providing text alternatives for"
                + " images. (img src=\"x\"><p>x</p></bo)",
            "warning 2:6 Consider adding a “lang” attribute to the “html” start tag to declare the"
                + " language of this document. (<html>)"),
        Html.errors(
            """
            <!DOCTYPE html>
            <html>
            <head>
            <title>x</title>
            <style>a{colour:red}</style>
            </head>
            <body><img src="x"><p>x</p></body>
            </html>
            """));
  }
}
