import AdminAPI
import Gate
import Synchronization
import Testing

/// What the admin calls do when everything is right.
@Suite struct AdminRouteTests {
  @Test func usersAreMadeChangedAndRead() async {
    let bench = Bench()
    let body = #"{"email":"a@b.c","plan":"pro","tenant":"t_1","stripe_customer_id":"cus_1"}"#
    let made = await bench.admin("PUT", "/admin/v1/users/u_2", body)
    #expect(made.status == 200 && made.json["plan"] == "pro" && made.json["tenant"] == "t_1")
    let changed = await bench.admin("PUT", "/admin/v1/users/u_2", #"{"plan":null}"#)
    #expect(changed.json["plan"] == .null && changed.json["email"] == "a@b.c")
    #expect(bench.outbox.applied.withLock { $0 } == [.user("u_2"), .user("u_2")])
    #expect(bench.accounts.with { $0.actors } == ["key:k_op", "key:k_op"])
    #expect(await bench.admin("GET", "/admin/v1/users/u_3").status == 404)
    #expect(await bench.admin("GET", "/admin/v1/users").json["next_cursor"] == .null)
  }

  @Test func aChangeThatRedisDoesNotKnowIsNotAcknowledged() async {
    let bench = Bench()
    bench.outbox.isAway.withLock { $0 = true }
    for (method, path) in [
      ("PUT", "/admin/v1/users/u_1"), ("PUT", "/admin/v1/tenants/t_1"), ("DELETE", "/admin/v1/tokens/tok_9"),
    ] {
      let answer = await bench.admin(method, path)
      #expect(answer.status == 503 && answer.code == "store_unavailable")
      #expect(answer.value(of: "Retry-After") != nil)
      #expect(!String(decoding: answer.json.bytes, as: UTF8.self).contains("secret"))
    }
    // The secret of a new token exists only in its answer, and nobody lost anything by it.
    #expect(await bench.admin("POST", "/admin/v1/users/u_1/tokens").status == 201)
  }

  @Test func tokensAreIssuedOnceRotatedAndRevoked() async {
    let bench = Bench()
    let issued = await bench.admin("POST", "/admin/v1/users/u_1/tokens", #"{"label":"laptop"}"#)
    guard case .string(let secret)? = issued.json["token"] else {
      Issue.record("no token")
      return
    }
    #expect(issued.status == 201 && secret.hasPrefix("tle_"))
    #expect(issued.value(of: "Cache-Control") == "no-store")
    let list = await bench.admin("GET", "/admin/v1/users/u_1/tokens")
    #expect(!String(decoding: list.json.bytes, as: UTF8.self).contains(secret))
    let rotated = await bench.admin("POST", "/admin/v1/tokens/tok_9/rotate", #"{"overlap_s":0}"#)
    #expect(rotated.status == 201 && rotated.json["user"] == "u_1")
    #expect(await bench.admin("DELETE", "/admin/v1/tokens/tok_9").status == 204)
    #expect(await bench.admin("DELETE", "/admin/v1/tokens/tok_9").status == 404)
    #expect(await bench.admin("POST", "/admin/v1/tokens/tok_77/rotate").status == 404)
    #expect(await bench.admin("POST", "/admin/v1/users/u_77/tokens").status == 404)
  }

  @Test func grantsHonourTheIdempotencyKey() async {
    let bench = Bench()
    let key = [(name: "Idempotency-Key", value: "k1")]
    let path = "/admin/v1/tenants/t_1/grants"
    let first = await bench.admin("POST", path, #"{"tokens":999999999999999}"#, headers: key)
    let again = await bench.admin("POST", path, #"{"tokens":999999999999999}"#, headers: key)
    #expect(first.status == 201 && first.json["id"] == again.json["id"])
    #expect(bench.accounts.with { $0.grants.count } == 1)
    let other = await bench.admin("POST", path, #"{"tokens":6}"#, headers: key)
    #expect(other.status == 409 && other.code == "idempotency_conflict")
    #expect(await bench.admin("DELETE", "\(path)/grt_g0").status == 204)
    #expect(await bench.admin("DELETE", "\(path)/grt_g7").status == 404)
    #expect(await bench.admin("DELETE", "\(path)/nonsense").status == 404)
  }

  @Test func keysAreShownOnce() async {
    let bench = Bench()
    let service = await bench.admin("POST", "/admin/v1/keys", #"{"kind":"service","label":"chat"}"#)
    #expect(service.status == 201 && service.json["role"] == .null)
    let admin = await bench.admin("POST", "/admin/v1/keys", #"{"kind":"admin","role":"viewer"}"#)
    #expect(admin.status == 201 && admin.json["key"] != nil)
    #expect(await bench.admin("GET", "/admin/v1/keys").status == 200)
    #expect(await bench.admin("POST", "/admin/v1/keys", #"{"kind":"admin"}"#).fields == ["role"])
    let roled = await bench.admin("POST", "/admin/v1/keys", #"{"kind":"service","role":"viewer"}"#)
    #expect(roled.fields == ["role"])
    #expect(await bench.admin("DELETE", "/admin/v1/keys/key_9").status == 204)
    #expect(await bench.admin("DELETE", "/admin/v1/keys/key_9").status == 404)
  }

  @Test func theLedgerIsAlsoCSV() async throws {
    let bench = Bench()
    let lines = (0..<450).map { number in
      LedgerLine(
        operation: "op\(number)", at: AccountsFake.now, user: "u_1", tenant: nil, feature: "chat",
        tokens: -1, kind: "spend", outcome: nil, reservation: nil, metadata: #"{"m":"a,b"}"#,
        occurredAt: number == 0 ? nil : Instant(seconds: 0))
    }
    bench.accounts.with { $0.lines = lines }
    let path = "/admin/v1/users/u_1/ledger"
    let json = await bench.admin("GET", "\(path)?limit=2")
    #expect(json.json["next_cursor"] == "2")
    let csv = await bench.admin("GET", path, headers: [("Accept", "text/csv")])
    let text = String(decoding: try await csv.body.collected(), as: UTF8.self)
    let rows = text.split(separator: "\r\n")
    #expect(rows.count == 451)
    #expect(rows[1] == "op0,\(AccountsFake.now.rfc3339),u_1,,chat,-1,spend,,,\"{\"\"m\"\":\"\"a,b\"\"}\",")
    #expect(rows[2].hasSuffix(",1970-01-01T00:00:00Z"))
    let page = await bench.admin("GET", "\(path)?limit=2", headers: [("Accept", "text/csv;q=1")])
    #expect(page.value(of: "Tollgate-Next-Cursor") == "2")
  }

  @Test func usageIsBounded() async {
    let bench = Bench()
    let path = "/admin/v1/tenants/t_1/usage"
    #expect(await bench.admin("GET", path).json["tokens"] == 7)
    #expect(await bench.admin("GET", "\(path)?interval=hour&group_by=feature").status == 200)
    for query in [
      "interval=week", "group_by=user", "from=2020-01-01T00:00:00Z&interval=hour", "to=x",
      "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from=2999-01-01T00:00:00Z",
    ] {
      #expect(await bench.admin("GET", "\(path)?\(query)").status == 400)
    }
  }

  @Test func whatShadowedLimitsWouldHaveRefused() async {
    let bench = Bench()
    let answer = await bench.admin("GET", "/admin/v1/shadowed?interval=hour&feature=chat")
    #expect(answer.json["interval"] == "hour")
    guard case .array(let items)? = answer.json["items"] else {
      Issue.record("no items")
      return
    }
    #expect(items[0]["limit"] == "requests" && items[0]["entries"] == 2 && items[0]["users"] == 1)
    for query in ["interval=week", "from=2020-01-01T00:00:00Z&interval=hour", "feature=%20", "user=u_1"] {
      #expect(await bench.admin("GET", "/admin/v1/shadowed?\(query)").status == 400)
    }
  }

  @Test func linksOverrideTheConfigFileFieldByField() async {
    let bench = Bench()
    let path = "/admin/v1/settings/billing"
    let put = await bench.admin("PUT", path, #"{"upgrade_url":"https://new.example/","web_app_url":null}"#)
    #expect(put.json["upgrade_url"] == "https://new.example/")
    #expect(put.json["web_app_url"] == "https://example.com")
    let back = await bench.admin("PUT", path, #"{"upgrade_url":null}"#)
    #expect(back.json["upgrade_url"] == "https://example.com/up")
    for url in ["javascript:alert(1)", "https://", "//x", "https://a b", "ftp://x"] {
      #expect(await bench.admin("PUT", path, "{\"upgrade_url\":\"\(url)\"}").fields == ["upgrade_url"])
    }
    let mail = #"{"enterprise_contact_url":"mailto:sales@example.com"}"#
    #expect(await bench.admin("PUT", path, mail).status == 200)
    let links = await bench.gate("GET", "/v1/billing/links", "", [Bench.asUser])
    #expect(links.json["enterprise_contact_url"] == "mailto:sales@example.com")
  }

  @Test func operationsGoToTheirHooks() async {
    let bench = Bench()
    #expect(await bench.admin("GET", "/admin/v1/stats?window=1h").json["window_s"] == 3600)
    #expect(await bench.admin("GET", "/admin/v1/stats?window=1y").status == 400)
    #expect(await bench.admin("GET", "/admin/v1/stats?window=-1h").status == 400)
    let one = await bench.admin("POST", "/admin/v1/reconcile", #"{"user":"u_1"}"#)
    let difference: JSON = ["kind": "grant_used", "name": "grt_g1", "redis": 5, "books": 3, "entries": .null]
    let item: JSON = [
      "user": "u_1", "tenant": .null, "state": "mended", "reason": .null, "differences": [difference],
    ]
    #expect(one.json["items"] == [item])
    #expect(one.json["accounts"] == 1 && one.json["mended"] == 1 && one.json["drifted"] == 0)
    #expect(one.json["after"] == .null)
    let look = await bench.admin("POST", "/admin/v1/reconcile", #"{"mend":false,"after":"tenant:t_1"}"#)
    #expect(look.json["drifted"] == 1 && look.json["after"] == "tenant:t_1")
    #expect(await bench.admin("POST", "/admin/v1/reconcile").json["after"] == "user:u_9")
    for (body, field) in [
      (#"{"user":"u_1","tenant":"t_1"}"#, "tenant"), (#"{"mend":1}"#, "mend"), (#"{"after":"u_1"}"#, "after"),
      (#"{"after":"user:"}"#, "after"), (#"{"user":"u_1","after":"user:u_1"}"#, "after"), (#"{"x":1}"#, "x"),
    ] {
      #expect(await bench.admin("POST", "/admin/v1/reconcile", body).fields == [field])
    }
    #expect(await bench.admin("GET", "/admin/v1/budgets?order=remaining&limit=5").status == 200)
    #expect(await bench.admin("GET", "/admin/v1/budgets?order=size").status == 400)
    #expect(await bench.admin("GET", "/admin/v1/budgets?kind=tenant&plan=pro").status == 200)
    #expect(await bench.admin("GET", "/admin/v1/budgets?kind=team").fields == ["kind"])
    for window in ["15m", "24h", "7d", "60s", "30d"] {
      #expect(await bench.admin("GET", "/admin/v1/stats?window=\(window)").status == 200)
    }
    for window in ["59s", "31d", "0m", "1.5h"] {
      #expect(await bench.admin("GET", "/admin/v1/stats?window=\(window)").fields == ["window"])
    }
    #expect(await bench.admin("POST", "/admin/v1/webhooks/events/evt_1/replay").status == 200)
    #expect(await bench.admin("POST", "/admin/v1/webhooks/events/evt_2/replay").status == 404)
    let event = await bench.admin("GET", "/admin/v1/webhooks/events/evt_1")
    #expect(event.json["payload"]?["id"] == "evt_1")
    #expect(await bench.admin("GET", "/admin/v1/webhooks/events?status=failed").status == 200)
    let audit = await bench.admin("GET", "/admin/v1/audit?actor=cli&from=2026-01-01T00:00:00Z")
    #expect(audit.status == 200)
    #expect(await bench.admin("GET", "/metrics", key: nil).status == 200)
  }
}
