import Foundation
import Settings
import Testing

@Suite struct EnvironmentTests {
  @Test func `the environment wins over the file`() throws {
    let settings = try load(
      minimalConfig + "\nlog: {level: debug}\nredis: {url: 'redis://file:1'}",
      [
        "TOLLGATE_LOG_LEVEL": "error", "TOLLGATE_LOG_FORMAT": "text",
        "TOLLGATE_REDIS_URL": "rediss://app:p%40ss@redis.example:7000/3",
        "TOLLGATE_POSTGRES_URL": "postgres://u:p@db/x", "TOLLGATE_STRIPE_API_BASE": "http://127.0.0.1:12111/",
        "TOLLGATE_STRIPE_API_KEY": "sk_test_abc123", "TOLLGATE_GATE_LISTEN": "127.0.0.1:9000",
        "TOLLGATE_STRIPE_WEBHOOK_SECRETS": "whsec_test_secret, whsec_second",
        "TOLLGATE_ADMIN_KEY": "tga_0123456789abcdefghijklmn",
        "TOLLGATE_SERVICE_KEY": "tgs_0123456789abcdefghijklmn",
      ])
    #expect(settings.warnings.isEmpty)
    let server = settings.server
    #expect(server.log == LogSettings(level: .error, format: .text))
    #expect(server.redis.url.revealed == "rediss://app:p%40ss@redis.example:7000/3")
    #expect(server.postgres.url.revealed == "postgres://u:p@db/x")
    #expect(server.stripe.apiBase == "http://127.0.0.1:12111")
    #expect(server.stripe.webhookSecrets.map(\.revealed) == ["whsec_test_secret", "whsec_second"])
    #expect(server.bootstrap.adminKey?.revealed == "tga_0123456789abcdefghijklmn")
  }

  @Test func `no secret shows in a description, a dump or a mistake`() throws {
    let secrets = [
      "TOLLGATE_REDIS_URL": "redis://:hushhush@h", "TOLLGATE_POSTGRES_URL": "postgres://u:hushhush@db/x",
      "TOLLGATE_STRIPE_API_KEY": "sk_test_hushhush", "TOLLGATE_STRIPE_WEBHOOK_SECRETS": "whsec_hushhush",
      "TOLLGATE_ADMIN_KEY": "tga_hushhush", "TOLLGATE_SERVICE_KEY": "tgs_hushhush",
    ]
    let settings = try load(minimalConfig, secrets)
    var dumped = ""
    dump(settings, to: &dumped)
    #expect(!dumped.contains("hushhush"))
    #expect(!"\(settings) \(String(reflecting: settings)) \(settings.server.redis.url)".contains("hushhush"))
    #expect(settings.warnings.count == 2, "both keys are short: \(settings.warnings)")
    for name in secrets.keys {
      let found = mistakes(minimalConfig, [name: "hush hush\nhushhush"])
      #expect(found.count == 1 && !found[0].contains("hush"), "\(found)")
      #expect(found[0].hasPrefix("environment: \(name): "))
    }
  }

  @Test(arguments: [
    "", " ", "whsec_", "whsec_...", "whsec_xxxxxxxx", "changeme", "<secret>", "whsec_your_secret",
    "${SECRET}",
    "whsec_ok,", "whsec_ok,whsec_ok",
  ])
  func `a webhook secret that is none is refused`(text: String) {
    #expect(mistakes(minimalConfig, ["TOLLGATE_STRIPE_WEBHOOK_SECRETS": text]).count == 1)
  }

  @Test func `a secret may come from a file`() throws {
    let path = NSTemporaryDirectory() + "tollgate-secret-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "sk_test_from_file\n".write(toFile: path, atomically: true, encoding: .utf8)
    let settings = try load(minimalConfig, ["TOLLGATE_STRIPE_API_KEY_FILE": path])
    #expect(settings.server.stripe.apiKey?.revealed == "sk_test_from_file")
    #expect(settings.warnings.isEmpty)

    let both = mistakes(
      minimalConfig, ["TOLLGATE_STRIPE_API_KEY_FILE": path, "TOLLGATE_STRIPE_API_KEY": "sk_test_other"])
    #expect(both.count == 1 && both[0].contains("are both set"))
    let missing = mistakes(minimalConfig, ["TOLLGATE_STRIPE_API_KEY_FILE": path + "-not"])
    #expect(missing.count == 1 && missing[0].contains("does not exist"))
    try "\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(mistakes(minimalConfig, ["TOLLGATE_STRIPE_API_KEY_FILE": path])[0].contains("empty"))
  }

  @Test func `an unknown variable of ours is a warning, one of others is nothing`() throws {
    let settings = try load(
      minimalConfig, ["TOLLGATE_REDISURL": "x", "TOLLGATE_LOG_LEVEL_FILE": "x", "HOME": "/"])
    #expect(settings.warnings.count == 2)
    #expect(
      settings.warnings[1].hasPrefix(
        "TOLLGATE_REDISURL is set but unknown; did you mean `TOLLGATE_REDIS_URL`?"))
  }
}

@Suite struct AddressTests {
  @Test(arguments: [
    "0.0.0.0:8080", "localhost:0", "[::1]:65535", "unix:/run/t.sock", "gate.internal:80",
  ])
  func `a listen address reads and writes itself`(text: String) {
    #expect(ListenAddress(text)?.description == text)
  }

  @Test(arguments: [
    "", ":8080", "8080", "localhost", "localhost:", "localhost:65536", "a b:1", "::1:80", "[::1]", "unix:",
    "unix:relative", "unix:/dir/", "localhost:+80", "[localhost]:80", "http://a:80",
  ])
  func `anything else is no listen address`(text: String) { #expect(ListenAddress(text) == nil) }

  @Test(arguments: [
    "redis://h", "rediss://u:p%3Aw@[::1]:7/3", "redis+unix:///run/r.sock?db=2", "redis+cluster://a,b:7001",
  ])
  func `a Redis URL is taken as it is`(text: String) throws {
    #expect(try load(minimalConfig, ["TOLLGATE_REDIS_URL": text]).server.redis.url.revealed == text)
  }

  @Test(arguments: [
    "redis:", "redis://", "redis:///0", "redis+unix://run", "redis://h /", "valkey://h", "h:6379",
  ])
  func `anything else is no Redis URL`(text: String) {
    #expect(mistakes(minimalConfig, ["TOLLGATE_REDIS_URL": text]).count == 1)
  }
}
