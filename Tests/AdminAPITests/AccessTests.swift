import AdminAPI
import Gate
import Testing

/// Each route with no key, a bad key, and keys that may less than it asks.
@Suite struct AccessTests {
  /// A path of the template, with something in the place of every name.
  static func target(_ template: String) -> String {
    template.replacing("{id}", with: "u_1").replacing("{grant}", with: "grt_g1")
      .replacing("{limit}", with: "requests")
  }

  static let adminRoutes = Bench().admin.routes.filter { $0.access != .open }
  static let gateRoutes = Bench().gate.routes.filter { $0.access != .open }

  @Test(arguments: adminRoutes.map { "\($0.method) \($0.template)" })
  func adminRouteRefusesStrangers(call: String) async {
    let parts = call.split(separator: " ").map(String.init)
    let (method, target) = (parts[0], AccessTests.target(parts[1]))
    let bench = Bench()
    let missing = await bench.admin(method, target, key: nil)
    #expect(missing.status == 401 && missing.code == "token_missing")
    #expect(missing.value(of: "WWW-Authenticate") == "Bearer realm=\"tollgate\"")
    for key in ["nonsense", "tga_unknown_0123456789", Bench.serviceKey, Bench.token] {
      let invalid = await bench.admin(method, target, key: key)
      #expect(invalid.status == 401 && invalid.code == "token_invalid")
    }
    let basic = await bench.admin(
      method, target, key: nil, headers: [("Authorization", "Basic \(Bench.operatorKey)")])
    #expect(basic.status == 401)
    let twice = await bench.admin(
      method, target, headers: [("authorization", "Bearer \(Bench.operatorKey)")])
    #expect(twice.status == 400 && twice.fields == ["Authorization"])
  }

  @Test(arguments: adminRoutes.map { "\($0.method) \($0.template) \($0.access.rawValue)" })
  func viewerOnlyReads(call: String) async {
    let parts = call.split(separator: " ").map(String.init)
    let bench = Bench()
    let viewer = await bench.admin(parts[0], AccessTests.target(parts[1]), key: Bench.viewerKey)
    #expect((viewer.status == 403) == (parts[2] == "operator"))
    #expect((parts[0] == "GET") == (parts[2] == "viewer"))
    for key in [Bench.operatorKey, Bench.bootstrapKey] {
      let answer = await bench.admin(parts[0], AccessTests.target(parts[1]), key: key)
      #expect(![401, 403, 405].contains(answer.status) && answer.status < 500)
    }
  }

  @Test(arguments: gateRoutes.map { "\($0.method) \($0.template) \($0.access.rawValue)" })
  func gateRouteRefusesStrangers(call: String) async {
    let parts = call.split(separator: " ").map(String.init)
    let (method, target) = (parts[0], AccessTests.target(parts[1]))
    let bench = Bench()
    let missing = await bench.gate(method, target)
    #expect(missing.status == 401 && missing.code == "token_missing")
    #expect(missing.value(of: "WWW-Authenticate") == "TLE-Token realm=\"tollgate\"")
    let bad: [[(name: String, value: String)]] = [
      [("X-TLE-Token", "nonsense")], [("X-TLE-Token", "tle_unknown_0123456789")], [("X-TLE-Token", "")],
      [("X-TLE-Token", Bench.expiredToken)], [("Authorization", "Bearer tgs_unknown_0123456789")],
      [("Authorization", "Bearer \(Bench.operatorKey)")], [("Authorization", "Basic abc")],
    ]
    for headers in bad {
      let invalid = await bench.gate(method, target, "", headers)
      #expect(invalid.status == 401 && invalid.code == "token_invalid")
    }
    let twice = await bench.gate(method, target, "", [Bench.asUser, Bench.asUser])
    #expect(twice.status == 400)
    let user = await bench.gate(method, target, "", [Bench.asUser])
    #expect((user.status == 403) == (parts[2] == "service"))
    let nobody = await bench.gate(method, target, "", [Bench.asService])
    #expect(nobody.status == 400)
  }

  @Test func anExtensionTokenSpeaksForItsUserAlone() async {
    let bench = Bench()
    let own = await bench.gate("GET", "/v1/budget", "", [Bench.asUser, Bench.on("u_1")])
    #expect(own.status == 200)
    let other = await bench.gate("GET", "/v1/budget", "", [Bench.asUser, Bench.on("u_2")])
    #expect(other.status == 403)
    let foreign = await bench.gate(
      "GET", "/v1/budget", "", [Bench.asUser, ("Authorization", "Bearer a.b.c")])
    #expect(foreign.status == 200)
    let both = await bench.gate("GET", "/v1/budget", "", [Bench.asService, Bench.asUser])
    #expect(both.json["user"] == "u_1")
    let torn = await bench.gate("GET", "/v1/budget", "", [Bench.asService, Bench.asUser, Bench.on("u_2")])
    #expect(torn.status == 400)
  }

  @Test func nothingOfAdminAnswersOnTheGate() async {
    for route in Bench().admin.routes where route.template != "/livez" {
      let answer = await Bench().gate(
        route.method, AccessTests.target(route.template), "",
        [("Authorization", "Bearer \(Bench.operatorKey)")])
      #expect(answer.status == 404)
    }
  }
}
