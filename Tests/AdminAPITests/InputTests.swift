import AdminAPI
import Gate
import Testing

/// What a request must not contain, and that it is always a 400 and never a 5xx.
@Suite struct InputTests {
  @Test(arguments: [
    ("{", ["body"]), ("[]", ["body"]), ("null", ["body"]), ("1", ["body"]), ("{} x", ["body"]),
    ("{\"email\":\"a@b\",}", ["body"]), ("\u{FEFF}{}", ["body"]), ("{'email':1}", ["body"]),
    ("{\"email\":\"a@b\",\"email\":\"c@d\"}", ["email"]),
    ("{\"emial\":\"a@b\"}", ["emial"]), ("{\"email\":1}", ["email"]), ("{\"email\":\"nobody\"}", ["email"]),
    ("{\"email\":\"a\\u0000@b\"}", ["email"]), ("{\"email\":\"a@b\n\"}", ["body"]),
    ("{\"email\":\"\\ud800@b\"}", ["body"]), ("{\"email\":\"\\u12\"}", ["body"]),
    ("{\"plan\":\"gold\"}", ["plan"]), ("{\"tenant\":\"t_unknown\"}", ["tenant"]),
    ("{\"plan\":\"with space\"}", ["plan"]), ("{\"plan\":\"\"}", ["plan"]),
    ("{\"plan\":{},\"tenant\":[]}", ["plan", "tenant"]),
  ])
  func badUser(body: String, fields: [String]) async {
    let answer = await Bench().admin("PUT", "/admin/v1/users/u_1", body)
    #expect(answer.status == 400 && answer.code == "invalid_request")
    #expect(answer.fields == fields)
  }

  @Test(arguments: [
    "{}", "{\"tokens\":null}", "{\"tokens\":0}", "{\"tokens\":-1}", "{\"tokens\":1.0}", "{\"tokens\":1e3}",
    "{\"tokens\":\"5\"}", "{\"tokens\":1000000000000000}", "{\"tokens\":99999999999999999999}",
    "{\"tokens\":true}", "{\"tokens\":01}", "{\"tokens\":5,\"expires_at\":\"2001-01-01T00:00:00Z\"}",
    "{\"tokens\":5,\"expires_at\":\"tomorrow\"}", "{\"tokens\":5,\"reason\":\"\\u0007\"}",
  ])
  func badGrant(body: String) async {
    let answer = await Bench().admin("POST", "/admin/v1/users/u_1/grants", body)
    #expect(answer.status == 400)
    #expect(!answer.fields.isEmpty)
  }

  @Test(arguments: [
    "limit=0", "limit=201", "limit=+5", "limit=x", "limit=5&limit=6", "form=1", "query=%00", "query=%ff",
    "query=%", "plan=a%20b", "cursor=%0a", "plan=\u{0}",
  ])
  func badQuery(query: String) async {
    #expect(await Bench().admin("GET", "/admin/v1/users?\(query)").status == 400)
  }

  @Test func goodQueries() async {
    for query in ["", "limit=200", "query=&plan=&status=&limit=&cursor=", "query=a%40b+c"] {
      #expect(await Bench().admin("GET", "/admin/v1/users?\(query)").status == 200)
    }
  }

  @Test(arguments: ["a b", "%00", "%0d%0a", "é", "%c3%28"])
  func badIdentifiers(id: String) async {
    let answer = await Bench().admin("PUT", "/admin/v1/users/\(id)", "{}")
    #expect(answer.status == 400 || answer.status == 404)
  }

  @Test func identifiersMayBeEscaped() async {
    let answer = await Bench().admin("PUT", "/admin/v1/users/a%2Fb%3Fc", "{}")
    #expect(answer.json["id"] == "a/b?c")
  }

  @Test func invalidUTF8IsRefused() async {
    let request = ControlRequest(
      method: "PUT", target: "/admin/v1/users/u_1",
      headers: [("Authorization", "Bearer \(Bench.operatorKey)")],
      body: Array("{\"email\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8))
    #expect(await Bench().admin.respond(to: request).fields == ["body"])
  }

  @Test func contentTypes() async {
    for (type, status) in [
      ("application/json", 200), ("Application/JSON; charset=utf-8", 200), ("text/plain", 415),
      ("application/x-www-form-urlencoded", 415), ("", 415),
    ] {
      let answer = await Bench().admin(
        "PUT", "/admin/v1/users/u_1", "{}", headers: [("Content-Type", type)])
      #expect(answer.status == status)
    }
  }

  @Test(arguments: ["", "a b", String(repeating: "k", count: 256), "é"])
  func badIdempotencyKeys(key: String) async {
    let answer = await Bench().admin(
      "POST", "/admin/v1/users/u_1/grants", "{\"tokens\":5}", headers: [("Idempotency-Key", key)])
    #expect(answer.fields == ["Idempotency-Key"])
  }

  @Test func deepJSONIsRefused() async {
    let deep = String(repeating: "[", count: 20_000)
    #expect(await Bench().admin("PUT", "/admin/v1/users/u_1", "{\"email\":\(deep)}").status == 400)
  }

  @Test func jsonGoesThroughUnchanged() throws {
    let text = #"{"a":[1,-2,0.5,1e9,true,false,null],"b":"\"\\\n\u0001é😀","c":{}}"#
    #expect(String(decoding: try JSON(parsing: Array(text.utf8)).bytes, as: UTF8.self) == text)
    #expect(try JSON(parsing: Array(#""\ud83d\ude00\/""#.utf8)) == "😀/")
    #expect(try JSON(parsing: Array("999999999999999".utf8)) == 999_999_999_999_999)
    for bad in ["", "-", "+1", ".5", "5.", "1e", "tru", "\"", "\"\\x\"", "\"\\u+123\"", "[1 2]", "{\"a\"}"] {
      #expect(throws: JSONError.self) { try JSON(parsing: Array(bad.utf8)) }
    }
  }
}
