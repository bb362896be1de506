//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../GeneralSettings.java ../HelpGroup.java ../Report.java ../ServerSettings.java
//SOURCES ../Urls.java ../UsageException.java ../Values.java Bucket.java Destination.java

package common.pages;

import common.GeneralSettings;
import common.HelpGroup;
import common.Report;
import common.ServerSettings;
import common.Urls;
import common.UsageException;
import common.Values;
import common.pages.Destination.Unavailable;
import java.net.URI;
import java.util.Map;
import picocli.CommandLine.Option;

/** Settings of a command that publishes pages on S3. */
@HelpGroup(HelpGroup.Title.PUBLISHING)
public final class BucketSettings {
  @Option(
      names = "--aws-region",
      paramLabel = "REGION",
      defaultValue = "eu-central-1",
      converter = RegionConverter.class,
      description = "region of the S3 bucket")
  String region;

  @Option(
      names = "--bucket-name",
      paramLabel = "NAME",
      defaultValue = "amo-blocked-pages",
      converter = BucketNameConverter.class,
      description = "S3 bucket to publish to; if it is missing, it is made in the region")
  String bucketName;

  @Option(
      names = {"--aws-endpoint-url-s3", "--aws-endpoint-url"},
      paramLabel = "URL",
      converter = Values.WebAddressConverter.class,
      description = "URL of an S3 server that is not Amazon's; requests to it are path-style")
  URI endpoint;

  @Option(
      names = "--expected-bucket-owner",
      paramLabel = "ACCOUNT",
      converter = AccountConverter.class,
      description = "AWS account that must own the S3 bucket, 12 digits")
  String expectedOwner;

  @Option(
      names = "--cache-control",
      paramLabel = "VALUE",
      defaultValue = "public, max-age=3600",
      converter = HeaderConverter.class,
      description = "Cache-Control header of the uploaded pages; its max-age is in seconds")
  String cacheControl;

  /**
   * Connects to the bucket.
   *
   * @param generator the command that makes the pages
   * @param environment with credentials and proxies
   */
  public Bucket bucket(
      String generator,
      ServerSettings server,
      GeneralSettings general,
      Map<String, String> environment,
      Report report)
      throws UsageException, Unavailable {
    if (endpoint != null && Urls.hasUnderscore(endpoint)) {
      throw new UsageException(
          "AWS_ENDPOINT_URL_S3: " + Urls.underscore(endpoint, "in an S3 endpoint"), null);
    }
    Bucket.Credentials credentials = Bucket.Credentials.of(environment);
    if (endpoint != null && credentials.hasToken()) {
      general.checkSafe("AWS_SESSION_TOKEN", endpoint);
    }
    return new Bucket(
        new Bucket.Address(bucketName, region, endpoint, expectedOwner),
        credentials,
        new Bucket.Connection(
            server.timeout(),
            server.deadline(),
            report.deadline(),
            server.requests().retries(),
            server.requests().trustManagers(),
            environment),
        cacheControl,
        generator,
        report::waiting);
  }

  // ---- converters: each message completes "VALUE is not …"

  private static final class RegionConverter extends Values.Text {
    RegionConverter() {
      super("(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*", "a region, expected one like eu-central-1");
    }
  }

  private static final class BucketNameConverter extends Values.Text {
    BucketNameConverter() {
      super(
          "(?!.*\\.\\.)(?!(\\d+\\.){3}\\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
          "a name of an S3 bucket, expected 3 to 63 of a-z, 0-9, - and .");
    }
  }

  private static final class AccountConverter extends Values.Text {
    AccountConverter() {
      super("\\d{12}", "an AWS account, expected 12 digits");
    }
  }

  private static final class HeaderConverter extends Values.Text {
    HeaderConverter() {
      super("[ -~]+", "a header's value, expected one line of ASCII");
    }
  }
}
