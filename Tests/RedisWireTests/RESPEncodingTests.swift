import NIOCore
import RedisStore
import Testing

@Suite struct RESPEncodingTests {
  @Test(arguments: [0, 1, 9, 10, 99, 100, 12345, -1, -9, -10, Int64.max, .min])
  func decimals(value: Int64) {
    var buffer = ByteBuffer()
    buffer.writeDecimal(value)
    #expect(String(buffer: buffer) == "\(value)")
    #expect(ByteBuffer.decimalLength(value) == "\(value)".utf8.count)
  }

  @Test func aCommandOfEveryKindOfArgument() {
    var buffer = ByteBuffer()
    buffer.writeCommandHeader(argumentCount: 5)
    buffer.writeBulk("SET" as StaticString)
    buffer.writeBulk("naïve" as String)
    buffer.writeBulk([0, 13, 10])
    buffer.writeBulk(ByteBuffer(string: ""))
    buffer.writeBulk(integer: -42)
    #expect(
      String(buffer: buffer)
        == "*5\r\n$3\r\nSET\r\n$6\r\nnaïve\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n$3\r\n-42\r\n")
  }

  @Test(arguments: [
    "", "u", "0197f3a2-6c1d-7e55-b3a1-2f4c8d9e0a17", "пользователь", String(repeating: "x", count: 990),
  ])
  func aPrefixAndANameAreOneArgument(name: String) {
    for prefix in ["", "tg:{0}:u:"] {
      var buffer = ByteBuffer()
      buffer.writeBulk(Array(prefix.utf8), name)
      #expect(String(buffer: buffer) == "$\((prefix + name).utf8.count)\r\n\(prefix)\(name)\r\n")
    }
  }
}
