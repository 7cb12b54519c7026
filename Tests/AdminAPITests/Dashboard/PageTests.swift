import AdminAPI
import Dashboard
import Foundation
import Gate
import Synchronization
import Testing

/// What pages show and forms do.
@Suite struct PageTests {
  static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Sources/Dashboard/Pages")

  @Test func everyFileIsEmbeddedByteForByte() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: PageTests.folder.path)
    #expect(Set(names) == Set(PageFile.all.map(\.name)) && names.count == PageFile.all.count)
    for file in PageFile.all {
      let bytes = try Data(contentsOf: PageTests.folder.appendingPathComponent(file.name))
      #expect(Array(bytes) == file.bytes, "\(file.name)")
    }
  }

  @Test func templatesAreSoundAndStayWithinThePolicy() throws {
    try Templates.check()
    let names = Set(PageFile.all.map(\.name))
    for file in PageFile.all where file.name.hasSuffix(".mustache") {
      let text = String(decoding: file.bytes, as: UTF8.self)
      for partial in text.matches(of: /\{\{>\s*([a-z-]+)\s*\}\}/) {
        #expect(names.contains("\(partial.1).mustache"), "\(file.name): \(partial.1)")
      }
      #expect(!text.contains(/\sstyle=|\son[a-z]+=|<style|javascript:/), "\(file.name)")
      #expect(!text.contains(/<script(?! src="\{\{script\}\}")/), "\(file.name)")
      #expect(!text.contains(/(src|href)="(https?:)?\/\//), "\(file.name) fetches from elsewhere")
      // What isn't escaped is what was made here: the main part of the layout, and charts.
      for raw in text.matches(of: /\{\{\{([^}]*)\}\}\}/) {
        #expect(["main", "svg", "budget.svg"].contains(raw.1), "\(file.name): \(raw.1)")
      }
    }
  }

  @Test func everyPageHasItsPolicyAndIsKeptByNobody() async {
    let visitor = Visitor()
    let pages = ["/sign-in", "/nowhere"]
    await visitor.signIn()
    for path in pages + ["/", "/users", "/users/u_1", "/users/none", "/settings", "/billing"] {
      let answer = await visitor.get(path)
      let policy = answer.value(of: "Content-Security-Policy") ?? ""
      if answer.status != 303 {
        #expect(policy.hasPrefix("default-src 'none'; style-src 'self'; script-src 'self';"), "\(path)")
        #expect(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"))
      }
      #expect(answer.value(of: "Cache-Control") == "no-store", "\(path)")
      #expect(answer.value(of: "X-Content-Type-Options") == "nosniff")
    }
  }

  @Test func programsAreAnsweredByTheAPIAsBefore() async {
    let visitor = Visitor()
    let accept: [(name: String, value: String)] = [("Accept", "application/json")]
    let nowhere = await visitor.send("GET", "/nowhere", headers: accept)
    #expect(nowhere.status == 404 && nowhere.value(of: "Content-Type") == "application/problem+json")
    let api = await visitor.send(
      "GET", "/admin/v1/users/u_1", headers: [("Authorization", "Bearer \(Bench.operatorKey)")])
    #expect(api.status == 200 && api.json["id"] == "u_1")
    // A session is for pages; the API takes keys alone.
    await visitor.signIn()
    #expect(await visitor.send("GET", "/admin/v1/users/u_1").status == 401)
    let wrong = await visitor.send("DELETE", "/users")
    #expect(wrong.status == 405 && wrong.value(of: "Allow") == "GET")
  }

  @Test func assetsMayBeKeptForEver() async {
    let visitor = Visitor()
    let page = await visitor.get("/sign-in").text
    let paths = page.matches(of: /(?:href|src)="(\/assets\/[^"]+)"/).map { String($0.1) }
    #expect(paths.count == 3)
    for path in paths {
      let asset = await visitor.get(path)
      #expect(asset.status == 200 && !asset.text.isEmpty)
      #expect(asset.value(of: "Cache-Control") == "public, max-age=31536000, immutable")
      let tag = asset.value(of: "ETag") ?? ""
      let again = await visitor.send("GET", path, headers: [("If-None-Match", tag)])
      #expect(again.status == 304 && again.text.isEmpty)
    }
    #expect(await visitor.get("/assets/style.css").status == 404)
  }

  @Test func whatUsersAreCalledIsShownAndNothingElse() async {
    let visitor = Visitor()
    let id = "<script>alert('1')</script>&\"x"
    visitor.bench.accounts.with {
      $0.users[id] = User(id: id, email: "a&b<i>@x", createdAt: AccountsFake.now)
    }
    await visitor.signIn()
    let list = await visitor.get("/users")
    #expect(list.status == 200 && !list.text.contains("<script>alert"))
    #expect(list.text.contains("&lt;script&gt;alert"))
    #expect(list.text.contains("href=\"/users/\(Query.encode(id))\""))
    let one = await visitor.get("/users/\(Query.encode(id))")
    #expect(one.status == 200 && !one.text.contains("<script>alert") && !one.text.contains("<i>"))
    let search = await visitor.get("/users?query=\(Query.encode("\"><script>alert(2)"))")
    #expect(!search.text.contains("<script>alert"))
  }

  @Test func aGrantSentTwiceIsMadeOnce() async {
    let visitor = Visitor()
    await visitor.signIn()
    let page = await visitor.get("/users/u_1/grant").text
    let once = page.firstMatch(of: /name="once" value="([0-9a-f]{32})"/).map { String($0.1) } ?? ""
    let fields = [("tokens", "1,500"), ("expires_at", ""), ("reason", "a gift"), ("once", once)]
    for _ in 0..<2 {
      let answer = await visitor.post("/users/u_1/grant", fields)
      #expect(answer.status == 303 && answer.value(of: "Location") == "/users/u_1?done=granted")
    }
    let grants = visitor.bench.accounts.with { $0.grants }
    #expect(grants.count == 1 && grants[0].tokens == 1_500 && grants[0].reason == "a gift")
    #expect(await visitor.get("/users/u_1?done=granted").text.contains("The tokens are granted"))
  }

  @Test func whatIsWrongIsSaidAtTheFieldAndNothingIsLost() async {
    let visitor = Visitor()
    await visitor.signIn()
    let answer = await visitor.post(
      "/users/u_1/grant", [("tokens", "many"), ("expires_at", "2001-01-01T10:00"), ("reason", "why not")])
    #expect(answer.status == 400)
    #expect(answer.text.contains("This must be a whole number from 1 to 999999999999999."))
    #expect(answer.text.contains("This must be in the future."))
    #expect(answer.text.contains("value=\"why not\"") && answer.text.contains("value=\"many\""))
    #expect(answer.text.ranges(of: "aria-invalid=\"true\"").count == 2)
    let unexplained = await visitor.post("/users/u_1/reset")
    #expect(unexplained.status == 400 && unexplained.text.contains("This is required."))
    #expect(visitor.bench.accounts.with { $0.grants.isEmpty && $0.resets.isEmpty })
  }

  @Test func aTokenIsShownOnce() async {
    let visitor = Visitor()
    await visitor.signIn()
    let made = await visitor.post("/users/u_1/tokens/new", [("label", "a phone")])
    #expect(made.status == 201)
    let secret = made.text.firstMatch(of: /value="(tle_[0-9A-Za-z]{49})"/).map { String($0.1) }
    #expect(secret != nil && made.value(of: "Cache-Control") == "no-store")
    for path in ["/users/u_1", "/backend", "/audit"] {
      #expect(await !visitor.get(path).text.contains(secret ?? "tle_"), "\(path)")
    }
    let gone = await visitor.post("/tokens/tok_9/revoke")
    #expect(gone.value(of: "Location") == "/users/u_1?done=token-revoked")
    #expect(visitor.bench.accounts.with { $0.tokens["tok_9"] == nil })
    #expect(visitor.bench.outbox.applied.withLock { $0.contains(.user("u_1")) })
  }

  @Test func whatAsksSaysWhatWillHappen() async {
    let visitor = Visitor()
    await visitor.signIn()
    let page = await visitor.get("/tokens/tok_9/revoke")
    #expect(page.text.contains("refused with 401 from its very next request on"))
    #expect(page.text.contains("class=\"danger\"") && page.text.contains("Cancel"))
    #expect(visitor.bench.accounts.with { $0.tokens["tok_9"] != nil })
  }

  @Test func aStoreThatIsAwayCostsOnlyItsPart() async {
    let visitor = Visitor()
    await visitor.signIn()
    let csrf = await visitor.csrf()
    visitor.bench.accounts.with { $0.failure = .unavailable("a secret cause") }
    let page = await visitor.get("/users/u_1")
    #expect(page.status == 503 && !page.text.contains("secret cause"))
    #expect(await visitor.get("/").status == 200)
    let form = await visitor.send("POST", "/users/u_1/reset", [("csrf", csrf), ("reason", "x")])
    #expect(form.status == 503)
  }
}
