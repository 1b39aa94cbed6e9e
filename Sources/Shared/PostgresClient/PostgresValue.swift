/// A parameter. It travels in Postgres' binary format beside the SQL, never inside it.
public enum PostgresValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case int4(Int32)
  case int8(Int64)
  case text(String)
  case bytea([UInt8])
  case boolArray([Bool])
  case int4Array([Int32])
  case int8Array([Int64])
  case textArray([String])
  /// nil is a NULL element.
  case byteaArray([[UInt8]?])

  /// The type's object id; 0 (of `null`) lets the server infer it.
  var typeID: UInt32 {
    switch self {
    case .null: 0
    case .bool: TypeID.bool
    case .int4: TypeID.int4
    case .int8: TypeID.int8
    case .text: TypeID.text
    case .bytea: TypeID.bytea
    case .boolArray: 1000
    case .int4Array: 1007
    case .int8Array: 1016
    case .textArray: 1009
    case .byteaArray: 1001
    }
  }

  func append(to bytes: inout [UInt8]) {
    switch self {
    case .null: break
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .int4(let value): bytes.append(bigEndian: value)
    case .int8(let value): bytes.append(bigEndian: value)
    case .text(let value): bytes.append(contentsOf: value.utf8)
    case .bytea(let value): bytes.append(contentsOf: value)
    case .boolArray(let values):
      bytes.append(arrayOf: TypeID.bool, values) { $0.append($1 ? 1 : 0) }
    case .int4Array(let values):
      bytes.append(arrayOf: TypeID.int4, values) { $0.append(bigEndian: $1) }
    case .int8Array(let values):
      bytes.append(arrayOf: TypeID.int8, values) { $0.append(bigEndian: $1) }
    case .textArray(let values):
      bytes.append(arrayOf: TypeID.text, values) { $0.append(contentsOf: $1.utf8) }
    case .byteaArray(let values):
      bytes.append(arrayOf: TypeID.bytea, hasNulls: values.contains(nil), values) { bytes, value in
        if let value {
          bytes.append(contentsOf: value)
          return true
        }
        return false
      }
    }
  }
}

/// Object ids of the types that we send and read; Postgres fixes them for ever.
enum TypeID {
  static let bool: UInt32 = 16
  static let bytea: UInt32 = 17
  static let name: UInt32 = 19
  static let int8: UInt32 = 20
  static let int2: UInt32 = 21
  static let int4: UInt32 = 23
  static let text: UInt32 = 25
  static let varchar: UInt32 = 1043
}

extension [UInt8] {
  mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  mutating func append<Value>(
    arrayOf type: UInt32, _ values: [Value], _ element: (inout [UInt8], Value) -> Void
  ) {
    append(arrayOf: type, hasNulls: false, values) {
      element(&$0, $1)
      return true
    }
  }

  /// One dimension from index 1: dimensions, null flag, element type, size, lower bound, elements. `element` gives
  /// false for a NULL.
  mutating func append<Value>(
    arrayOf type: UInt32, hasNulls: Bool, _ values: [Value],
    _ element: (inout [UInt8], Value) -> Bool
  ) {
    append(bigEndian: Int32(values.isEmpty ? 0 : 1))
    append(bigEndian: Int32(hasNulls ? 1 : 0))
    append(bigEndian: type)
    if values.isEmpty { return }
    append(bigEndian: Int32(values.count))
    append(bigEndian: Int32(1))
    for value in values {
      let lengthAt = count
      append(bigEndian: Int32(0))
      let length = element(&self, value) ? Int32(count - lengthAt - 4) : -1
      Swift.withUnsafeBytes(of: length.bigEndian) {
        for (offset, byte) in $0.enumerated() { self[lengthAt + offset] = byte }
      }
    }
  }
}
