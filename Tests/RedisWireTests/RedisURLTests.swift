import RedisStore
import Testing

@Suite struct RedisURLTests {
  @Test(
    arguments: [
      ("redis://localhost", [RedisURL.Address.tcp(host: "localhost", port: 6379)], nil, nil, 0),
      ("redis://r.example:7000/3", [.tcp(host: "r.example", port: 7000)], nil, nil, 3),
      ("redis://:s%40cret@h", [.tcp(host: "h", port: 6379)], nil, "s@cret", 0),
      ("redis://me:p%3Aw%2F@h:1/", [.tcp(host: "h", port: 1)], "me", "p:w/", 0),
      ("redis://me:a:b@c@h", [.tcp(host: "h", port: 6379)], "me", "a:b@c", 0),
      ("REDIS://[::1]:7001/15", [.tcp(host: "::1", port: 7001)], nil, nil, 15),
      ("redis://[fe80::1]", [.tcp(host: "fe80::1", port: 6379)], nil, nil, 0),
      ("redis+unix:///run/my%20redis.sock", [.unix(path: "/run/my redis.sock")], nil, nil, 0),
      ("redis+unix:///r.sock?db=2&user=u&password=%C3%A9", [.unix(path: "/r.sock")], "u", "é", 2),
      (
        "redis+cluster://u:p@a:1,b:2,[::1]:3",
        [.tcp(host: "a", port: 1), .tcp(host: "b", port: 2), .tcp(host: "::1", port: 3)], "u", "p", 0
      ),
    ] as [(String, [RedisURL.Address], String?, String?, Int)])
  func accepted(
    text: String, addresses: [RedisURL.Address], username: String?, password: String?, database: Int
  ) throws {
    let url = try RedisURL(text)
    #expect(url.addresses == addresses)
    #expect(url.username == username)
    #expect(url.password == password)
    #expect(url.database == database)
    #expect(url.isCluster == text.contains("cluster"))
    #expect(!url.usesTLS)
  }

  @Test func tls() throws {
    #expect(try RedisURL("rediss://h").usesTLS)
    #expect(try RedisURL("rediss+cluster://h,i").usesTLS)
  }

  @Test(arguments: [
    ("hunter2", "expected redis://"), ("http://hunter2", "unknown scheme"), ("redis://", "host is missing"),
    ("redis://:hunter2@", "host is missing"), ("redis://h:hunter2", "port"), ("redis://h:0", "port"),
    ("redis://h:65536", "port"), ("redis://h:", "port"), ("redis://h/hunter2", "database"),
    ("redis://h/-1", "database"), ("redis://h?db=1", "parameters"), ("redis://a,b", "several hosts"),
    ("redis://:hunter2%@h", "%"), ("redis://:hunter2%zz@h", "%"), ("redis://:hunter2%ff@h", "UTF-8"),
    ("redis://hunter2@h", "password"), ("redis://:hunter2/x@h", "%2F"), ("redis+cluster://h/1", "cluster"),
    ("redis+unix://run/x", "absolute"), ("redis+unix:///x?hunter2=3", "unknown parameter"),
    ("redis+cluster://a,,b", "host is missing"), ("redis://[::1]x", "]"),
  ])
  func refused(text: String, naming: String) {
    let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
    #expect(error?.description.contains(naming) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test func thePasswordIsNeverShown() throws {
    let texts = [
      "redis://u:hunter2@h/1", "redis+unix:///s?password=hunter2", "rediss+cluster://:hunter2@a,b",
    ]
    for text in texts {
      let url = try RedisURL(text)
      var dumped = ""
      dump([url], to: &dumped)
      for shown in ["\(url)", String(reflecting: url), dumped, "\([url])"] {
        #expect(!shown.contains("hunter2"))
      }
    }
    #expect(try "\(RedisURL("rediss://u:p@h/1"))" == "rediss://h:6379/1")
  }
}
