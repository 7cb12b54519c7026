import Foundation
import Settings
import Testing

@Suite struct EventSettingsTests {
  static let one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  static let two = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

  static func config(_ targets: String) -> String { minimalConfig + "\nevents: {targets: {\(targets)}}\n" }

  @Test func `targets have their secrets from the environment`() throws {
    let settings = try load(
      Self.config(
        """
        crm: {url: "https://crm.example.com/h?k=1"}, \
        mail_2: {url: "http://mailer:8080/", allow_http: true, types: [budget.threshold_reached], timeout_ms: 700}
        """),
      [
        "TOLLGATE_EVENT_SECRETS_CRM": Self.one, "TOLLGATE_EVENT_SECRETS_MAIL_2": "\(Self.two), \(Self.one)",
      ])
    #expect(settings.warnings.isEmpty)
    let events = settings.server.events
    #expect(events.keepDays == 90)
    #expect(
      events.targets == [
        EventTargetSettings(
          name: "crm", url: Secret("https://crm.example.com/h?k=1"), types: [], timeoutMilliseconds: 15_000,
          secrets: [Secret(Self.one)]),
        EventTargetSettings(
          name: "mail_2", url: Secret("http://mailer:8080/"), types: ["budget.threshold_reached"],
          timeoutMilliseconds: 700, secrets: [Secret(Self.two), Secret(Self.one)]),
      ])
    #expect(EventTargetSettings.variable(of: "mail_2") == "TOLLGATE_EVENT_SECRETS_MAIL_2")
    #expect(try load(minimalConfig).server.events == EventSettings(keepDays: 90, targets: []))
  }

  @Test func `a secret may come from a file`() throws {
    let path = NSTemporaryDirectory() + "tollgate-secret-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "\(Self.one)\n".write(toFile: path, atomically: true, encoding: .utf8)
    let config = Self.config("crm: {url: 'https://a.example'}")
    let settings = try load(config, ["TOLLGATE_EVENT_SECRETS_CRM_FILE": path])
    #expect(settings.server.events.targets.map(\.secrets) == [[Secret(Self.one)]])
    #expect(settings.warnings.isEmpty)
    let both = mistakes(
      config, ["TOLLGATE_EVENT_SECRETS_CRM_FILE": path, "TOLLGATE_EVENT_SECRETS_CRM": Self.one])
    #expect(both.count == 1 && both[0].contains("are both set"))
  }

  @Test func `a target without a secret is refused, and the variable is named`() {
    let found = mistakes(Self.config("crm: {url: 'https://a.example'}"))
    #expect(found.count == 1)
    #expect(
      found[0].contains("events.targets.crm.secrets: is missing; set TOLLGATE_EVENT_SECRETS_CRM or TOLLGATE"))
    let inFile = mistakes(
      Self.config("crm: {url: 'https://a.example', secrets: [\(Self.one)]}"),
      ["TOLLGATE_EVENT_SECRETS_CRM": Self.one])
    #expect(inFile.count == 1 && inFile[0].contains("set TOLLGATE_EVENT_SECRETS_CRM or"))
    #expect(!inFile[0].contains(Self.one))
  }

  @Test(arguments: [
    "", "whsec_", "changeme", "whsec_changemechangemechangemechangeme",
    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2I=",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "\(one),\(one)", "\(one),",
  ])
  func `a secret that is none is one mistake, and is not shown`(text: String) {
    let found = mistakes(
      Self.config("crm: {url: 'https://a.example'}"), ["TOLLGATE_EVENT_SECRETS_CRM": text])
    #expect(found.count == 1 && found[0].hasPrefix("environment: TOLLGATE_EVENT_SECRETS_CRM: "), "\(found)")
    #expect(text.isEmpty || text == "whsec_" || !found[0].contains(text))
  }

  @Test func `a secret of nobody is a warning`() throws {
    let settings = try load(minimalConfig, ["TOLLGATE_EVENT_SECRETS_CRM": Self.one])
    #expect(
      settings.warnings.count == 1 && settings.warnings[0].hasPrefix("TOLLGATE_EVENT_SECRETS_CRM is set"))
    #expect(!settings.warnings[0].contains(Self.one))
  }

  @Test(arguments: ["Crm", "c-rm", "1crm", "a.b", "x_file", String(repeating: "a", count: 33)])
  func `a name that is no part of a variable is refused`(name: String) {
    let found = mistakes(Self.config("\(name): {url: 'https://a.example'}"))
    #expect(found.count == 1 && found[0].contains("is no name"), "\(found)")
  }

  @Test(arguments: [
    "https://a.example", "https://a.example:8443/x?y=z", "https://[2001:db8::1]/",
  ])
  func `https goes anywhere`(url: String) throws {
    let settings = try load(
      Self.config("crm: {url: '\(url)'}"), ["TOLLGATE_EVENT_SECRETS_CRM": Self.one])
    #expect(settings.server.events.targets[0].url.revealed == url)
  }

  @Test(arguments: [
    "http://localhost:1", "http://127.9.9.9/", "http://10.1.2.3", "http://172.31.0.1", "http://192.168.1.1",
    "http://[::1]:80/", "http://[fd00::1]/", "http://mailer/", "http://a.b.svc/", "http://a.internal",
  ])
  func `http stays in private networks, and only when allowed`(url: String) throws {
    let secrets = ["TOLLGATE_EVENT_SECRETS_CRM": Self.one]
    let settings = try load(Self.config("crm: {url: '\(url)', allow_http: true}"), secrets)
    #expect(settings.server.events.targets[0].url.revealed == url)
    let found = mistakes(Self.config("crm: {url: '\(url)'}"), secrets)
    #expect(found.count == 1 && found[0].contains("allow_http"))
  }

  @Test(arguments: [
    "http://a.example/", "http://8.8.8.8", "http://172.32.0.1", "http://169.254.169.254", "http://127.1",
    "http://2130706433/", "http://0x7f.0.0.1", "http://[fe80::1]/", "http://[2001:db8::1]",
    "http://local.com",
    "http://10.0.0.1.example", "http://user@localhost", "ftp://localhost", "https://a.example#x",
    "https://u:p@a",
    "//a.example", "https:///x", "",
  ])
  func `anything else is refused`(url: String) {
    let found = mistakes(
      Self.config("crm: {url: '\(url)', allow_http: true}"), ["TOLLGATE_EVENT_SECRETS_CRM": Self.one])
    #expect(found.count == 1 && found[0].contains("events.targets.crm.url"), "\(found)")
  }

  @Test func `nine targets, unknown types and short keeping are refused`() {
    let nine = (1...9).map { "t\($0): {url: 'https://a.example'}" }.joined(separator: ", ")
    let secrets = Dictionary(
      uniqueKeysWithValues: (1...9).map { ("TOLLGATE_EVENT_SECRETS_T\($0)", Self.one) })
    #expect(mistakes(Self.config(nine), secrets).contains { $0.contains("has 9 names; allowed: 0 to 8") })
    let types = mistakes(
      Self.config("crm: {url: 'https://a.example', types: [budget.treshold]}"),
      ["TOLLGATE_EVENT_SECRETS_CRM": Self.one])
    #expect(types.count == 1 && types[0].contains("budget.threshold_reached"))
    #expect(mistakes(minimalConfig + "\nevents: {keep_days: 30}\n").count == 1)
  }

  @Test func `neither url nor secret shows in a dump`() throws {
    let settings = try load(
      Self.config("crm: {url: 'https://a.example/hushhush'}"), ["TOLLGATE_EVENT_SECRETS_CRM": Self.one])
    var dumped = ""
    dump(settings, to: &dumped)
    #expect(!dumped.contains("hushhush") && !dumped.contains(Self.one) && !"\(settings)".contains("hushhush"))
  }
}
