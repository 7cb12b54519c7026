/// What one request may take up; past it the request is refused, never truncated.
package struct HTTPLimits: Sendable, Hashable {
  /// Request line and header fields with their line ends, in bytes; 64 to 2²⁰. Past it: 431.
  package var headBytesMax: Int
  /// Header fields; 1 to 1,000. Past it: 431.
  package var headersMax: Int
  /// Trailer section of a chunked body, in bytes. Past it: 431.
  package var trailerBytesMax: Int
  /// All chunk extensions of one body together, in bytes. Past it: 400.
  package var chunkExtensionBytesMax: Int

  /// The documented limits of the gate: 16 KiB and 100 fields; 4 KiB each of trailers and chunk extensions.
  package init(
    headBytesMax: Int = 16_384, headersMax: Int = 100, trailerBytesMax: Int = 4_096,
    chunkExtensionBytesMax: Int = 4_096
  ) {
    self.headBytesMax = headBytesMax
    self.headersMax = headersMax
    self.trailerBytesMax = trailerBytesMax
    self.chunkExtensionBytesMax = chunkExtensionBytesMax
  }
}
