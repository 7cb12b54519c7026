/// `X-Request-Id`: the caller's own if it is fit for logs and headers, else a new one.
enum RequestID {
  static func choose(_ given: [String]) -> String {
    if given.count == 1, let id = given.first, isSane(id) { return id }
    return make()
  }

  static func isSane(_ id: String) -> Bool {
    (1...128).contains(id.utf8.count)
      && id.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  private static func make() -> String {
    let words = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)]
    return "req_" + words.map { String($0, radix: 36) }.joined()
  }
}
