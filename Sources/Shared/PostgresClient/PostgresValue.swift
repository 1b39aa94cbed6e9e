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
  /// One that was encoded before, of the type with that object id.
  case bytes([UInt8], type: UInt32)

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
    case .bytes(_, let type): type
    }
  }

  /// The same value, encoded now, for those to whom time is dear later.
  public var encoded: PostgresValue {
    if case .null = self { return self }
    var bytes: [UInt8] = []
    append(to: &bytes)
    return .bytes(bytes, type: typeID)
  }

  func append(to bytes: inout [UInt8]) {
    switch self {
    case .null: break
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .int4(let value): bytes.append(bigEndian: value)
    case .int8(let value): bytes.append(bigEndian: value)
    case .text(let value): bytes.append(contentsOf: value.utf8)
    case .bytea(let value), .bytes(let value, _): bytes.append(contentsOf: value)
    case .boolArray(let values):
      bytes.append(arrayOf: TypeID.bool, count: values.count)
      bytes.append(elements: values.map { $0 ? 1 : 0 as UInt8 })
    case .int4Array(let values):
      bytes.append(arrayOf: TypeID.int4, count: values.count)
      bytes.append(elements: values)
    case .int8Array(let values):
      bytes.append(arrayOf: TypeID.int8, count: values.count)
      bytes.append(elements: values)
    case .textArray(let values):
      bytes.append(arrayOf: TypeID.text, count: values.count)
      for value in values { bytes.append(element: value.utf8) }
    case .byteaArray(let values):
      bytes.append(arrayOf: TypeID.bytea, count: values.count, hasNulls: values.contains(nil))
      for value in values {
        if let value { bytes.append(element: value) } else { bytes.append(bigEndian: Int32(-1)) }
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

  /// What comes before an array's elements: dimensions (one, from index 1), null flag, element type, size, lower bound.
  mutating func append(arrayOf type: UInt32, count: Int, hasNulls: Bool = false) {
    append(bigEndian: Int32(count == 0 ? 0 : 1))
    append(bigEndian: Int32(hasNulls ? 1 : 0))
    append(bigEndian: type)
    if count == 0 { return }
    append(bigEndian: Int32(count))
    append(bigEndian: Int32(1))
  }

  /// Its length, then the element.
  mutating func append(element: some Collection<UInt8>) {
    append(bigEndian: Int32(element.count))
    append(contentsOf: element)
  }

  /// The same for many of one width, written in one go.
  mutating func append<Value: FixedWidthInteger>(elements: [Value]) {
    let width = MemoryLayout<Value>.size
    let size = (4 + width) * elements.count
    append(
      contentsOf: [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
        let bytes = UnsafeMutableRawBufferPointer(bytes)
        var offset = 0
        for element in elements {
          bytes.storeBytes(of: Int32(width).bigEndian, toByteOffset: offset, as: Int32.self)
          bytes.storeBytes(of: element.bigEndian, toByteOffset: offset + 4, as: Value.self)
          offset += 4 + width
        }
        count = size
      })
  }
}
