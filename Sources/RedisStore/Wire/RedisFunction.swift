/// A function of a ``FunctionLibrary``, with the name that Redis knows it by.
package struct RedisFunction: Sendable {
  /// For logs and metrics: `check`.
  package let name: String
  /// As FCALL wants it: `check_<release>`.
  package let wireName: [UInt8]
  /// What to load where Redis doesn't have the function.
  package let library: FunctionLibrary
}
