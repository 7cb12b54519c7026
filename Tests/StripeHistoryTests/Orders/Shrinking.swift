extension Array {
  /// The fewest items of this order that still fail, found by leaving out more and more of them.
  func shrunk(_ fails: ([Element]) async throws -> Bool) async throws -> [Element] {
    var items = self
    var size = Swift.max(1, items.count / 2)
    while true {
      var start = 0
      var isSmaller = false
      while start < items.count {
        let fewer = Array(items[..<start] + items[Swift.min(start + size, items.count)...])
        if fewer.count < items.count, try await fails(fewer) {
          items = fewer
          isSmaller = true
        } else {
          start += size
        }
      }
      if size == 1, !isSmaller { return items }
      size = Swift.max(1, size / 2)
    }
  }
}
