/// What is wrong with a Redis URL. The text never contains credentials.
package struct RedisURLError: Error, Sendable, Equatable, CustomStringConvertible {
  /// For the operator who wrote the URL.
  package let description: String

  init(_ description: String) { self.description = "Redis URL: " + description }
}
