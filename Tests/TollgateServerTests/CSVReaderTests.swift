import Testing

@testable import TollgateServer

@Suite struct CSVReaderTests {
  /// All records of a text that comes in pieces of so many bytes.
  private func read(_ text: String, pieces size: Int) throws -> [[String]] {
    var reader = CSVReader()
    var records: [CSVReader.Record] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      records += try reader.feed(bytes[start..<min(start + size, bytes.count)])
    }
    if let last = try reader.finish() { records.append(last) }
    return records.map { ["\($0.line)"] + $0.fields }
  }

  @Test(arguments: [1, 2, 3, 1000])
  func recordsAreTheSameHoweverTheyCome(size: Int) throws {
    let text = "a,b\r\n\"x, \"\"y\"\"\n2\",\n\n,é\n\"\",z"
    #expect(
      try read(text, pieces: size) == [
        ["1", "a", "b"], ["2", "x, \"y\"\n2", ""], ["5", "", "é"], ["6", "", "z"],
      ])
    #expect(try read("", pieces: size) == [])
    #expect(try read("\u{FEFF}a\n", pieces: size) == [["1", "a"]])
    #expect(try read("a\n\u{FEFF}b\n", pieces: size) == [["1", "a"], ["2", "\u{FEFF}b"]])
  }

  @Test(
    arguments: [
      ("a\n\"b", 2), ("a\nb\rc\n", 2), ("a\"b\n", 1), ("\"a\"b\n", 1), ("a\n\"b\n\"c\n", 3), ("a\r", 1),
    ] as [(String, Int64)])
  func whatCannotBeReadIsToldByItsLine(text: String, line: Int64) {
    let mistake = #expect(throws: CSVReader.Mistake.self) { try read(text, pieces: 7) }
    #expect(mistake?.line == line)
  }

  @Test func fieldsAndRecordsAreBounded() {
    let long = String(repeating: "x", count: CSVReader.fieldBytesMax)
    #expect(throws: Never.self) { try read(long + "\n", pieces: 100) }
    #expect(throws: CSVReader.Mistake.self) { try read(long + "x\n", pieces: 100) }
    let wide = String(repeating: ",", count: CSVReader.fieldsMax)
    #expect(throws: Never.self) { try read(String(wide.dropLast()), pieces: 100) }
    #expect(throws: CSVReader.Mistake.self) { try read(wide, pieces: 100) }
    var reader = CSVReader()
    #expect(throws: CSVReader.Mistake.self) { try reader.feed([0xFF, 0x0A]) }
  }
}
