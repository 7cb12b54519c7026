extension RedisURL {
  /// Parses `text`; the error names the part that is wrong.
  package init(_ text: String) throws(RedisURLError) {
    guard let (scheme, rest) = text.split(around: "://") else {
      throw RedisURLError("expected redis://, rediss://, redis+unix:// or redis+cluster://")
    }
    switch scheme.lowercased() {
    case "redis": try self.init(network: rest, usesTLS: false, isCluster: false)
    case "rediss": try self.init(network: rest, usesTLS: true, isCluster: false)
    case "redis+cluster": try self.init(network: rest, usesTLS: false, isCluster: true)
    case "rediss+cluster": try self.init(network: rest, usesTLS: true, isCluster: true)
    case "redis+unix": try self.init(unix: rest)
    // The scheme is not echoed: someone may have pasted the password first.
    default: throw RedisURLError("unknown scheme (redis, rediss, redis+unix and redis+cluster are known)")
    }
  }

  private init(network rest: Substring, usesTLS: Bool, isCluster: Bool) throws(RedisURLError) {
    guard !rest.contains("?"), !rest.contains("#") else {
      throw RedisURLError("parameters are only known after redis+unix:// (encode ? as %3F and # as %23)")
    }
    // From the last @, for passwords with a bare one; a / in a password has to be encoded.
    let (authority, path) = rest.split(around: "/") ?? (rest, "")
    var places = authority
    username = nil
    password = nil
    if let at = authority.lastIndex(of: "@") {
      let credentials = authority[..<at]
      places = authority[authority.index(after: at)...]
      let (user, secret) = credentials.split(around: ":") ?? (credentials, nil)
      username = try RedisURL.decoded(user, part: "user")
      password = try secret.map { (text) throws(RedisURLError) in
        try RedisURL.decoded(text, part: "password") ?? ""
      }
      if password == "" { password = nil }
      guard username == nil || password != nil else { throw RedisURLError("a user needs a password") }
    }
    guard !path.contains("@") else { throw RedisURLError("a / before the @ (encode / in a password as %2F)") }
    self.usesTLS = usesTLS
    self.isCluster = isCluster
    database = try RedisURL.database(path)
    guard !isCluster || database == 0 else { throw RedisURLError("a cluster has no database but 0") }
    addresses = []
    for place in places.split(separator: ",", omittingEmptySubsequences: false) {
      addresses.append(try RedisURL.address(place))
    }
    guard isCluster || addresses.count == 1 else {
      throw RedisURLError("several hosts are only known after redis+cluster://")
    }
  }

  private init(unix rest: Substring) throws(RedisURLError) {
    let (encodedPath, query) = rest.split(around: "?") ?? (rest, "")
    guard let path = try RedisURL.decoded(encodedPath, part: "path"), path.hasPrefix("/") else {
      throw RedisURLError("redis+unix:// needs an absolute path: redis+unix:///run/redis.sock")
    }
    // sockaddr_un has 108 bytes with the NUL.
    guard path.utf8.count <= 107, !path.utf8.contains(0) else {
      throw RedisURLError("the socket's path is longer than 107 bytes, or has a NUL")
    }
    addresses = [.unix(path: path)]
    usesTLS = false
    isCluster = false
    username = nil
    password = nil
    database = 0
    for parameter in query.split(separator: "&") {
      let (name, value) = parameter.split(around: "=") ?? (parameter, "")
      switch name {
      case "db": database = try RedisURL.database(value)
      case "user": username = try RedisURL.decoded(value, part: "user")
      case "password": password = try RedisURL.decoded(value, part: "password")
      default: throw RedisURLError("unknown parameter (db, user and password are known)")
      }
    }
    guard username == nil || password != nil else { throw RedisURLError("a user needs a password") }
  }

  private static func address(_ place: Substring) throws(RedisURLError) -> Address {
    var host = place
    var portText: Substring?
    if place.hasPrefix("["), let (inside, after) = place.dropFirst().split(around: "]") {
      guard after.isEmpty || after.hasPrefix(":") else { throw RedisURLError("bad characters after ]") }
      host = inside
      portText = after.isEmpty ? nil : after.dropFirst()
    } else if let (before, after) = place.split(around: ":") {
      host = before
      portText = after
    }
    guard let name = try decoded(host, part: "host") else { throw RedisURLError("the host is missing") }
    guard let portText else { return .tcp(host: name, port: 6379) }
    guard let port = decimal(portText, max: 65_535), port > 0 else {
      throw RedisURLError("the port must be a number from 1 to 65535 (encode : in a password as %3A)")
    }
    return .tcp(host: name, port: port)
  }

  private static func database(_ text: Substring) throws(RedisURLError) -> Int {
    if text.isEmpty { return 0 }
    guard let number = decimal(text, max: 1_000_000) else {
      throw RedisURLError("the database must be a number")
    }
    return number
  }

  private static func decimal(_ text: Substring, max: Int) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text),
      number <= max
    else { return nil }
    return number
  }

  /// Percent-decoding; nil for an empty text.
  private static func decoded(_ text: Substring, part: String) throws(RedisURLError) -> String? {
    if text.isEmpty { return nil }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst()?.hexDigit, let low = rest.popFirst()?.hexDigit else {
        throw RedisURLError("a % in the \(part) isn't followed by two hex digits (write % as %25)")
      }
      bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw RedisURLError("the \(part) isn't UTF-8")
    }
    return decoded
  }
}

extension StringProtocol where SubSequence == Substring {
  /// What is before and after the first `separator`; nil when there is none.
  fileprivate func split(around separator: String) -> (Substring, Substring)? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(separator) {
        return (self[..<start], self[index(start, offsetBy: separator.count)...])
      }
      formIndex(after: &start)
    }
    return nil
  }
}

extension UInt8 {
  fileprivate var hexDigit: UInt8? {
    switch self {
    case 48...57: self - 48
    case 65...70: self - 55
    case 97...102: self - 87
    default: nil
    }
  }
}
