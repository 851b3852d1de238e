package otlp

// kind is how the value of a member is written in protobuf and in JSON.
type kind uint8

const (
	kindMessage kind = iota
	kindText
	kindBool
	kindNumber  // varint; a JSON number
	kindLong    // varint of 64 bits, signed; in JSON text
	kindFixed64 // in JSON text
	kindFixed32 // a JSON number
	kindDouble
	kindHex    // bytes; in JSON hexadecimal digits
	kindBase64 // bytes; in JSON base64
)

// member is a field of a message.
type member struct {
	number   int
	name     string // in JSON
	kind     kind
	repeated bool
	message  message // of kindMessage
}

// message is one of the messages of the protocol, by its place in schema.
type message uint8

const (
	exportRequest message = iota
	resourceLogs
	resource
	scopeLogs
	scope
	logRecord
	keyValue
	anyValue
	arrayValue
	kvList
	exportResponse
	partialSuccess
	status
)

// schema is what there is of the .proto files to know for JSON.
var schema = [...][]member{
	exportRequest: {{1, "resourceLogs", kindMessage, true, resourceLogs}},
	resourceLogs: {
		{1, "resource", kindMessage, false, resource},
		{2, "scopeLogs", kindMessage, true, scopeLogs},
		{3, "schemaUrl", kindText, false, 0},
	},
	resource: {
		{1, "attributes", kindMessage, true, keyValue},
		{2, "droppedAttributesCount", kindNumber, false, 0},
	},
	scopeLogs: {
		{1, "scope", kindMessage, false, scope},
		{2, "logRecords", kindMessage, true, logRecord},
		{3, "schemaUrl", kindText, false, 0},
	},
	scope: {
		{1, "name", kindText, false, 0},
		{2, "version", kindText, false, 0},
		{3, "attributes", kindMessage, true, keyValue},
		{4, "droppedAttributesCount", kindNumber, false, 0},
	},
	logRecord: {
		{1, "timeUnixNano", kindFixed64, false, 0},
		{2, "severityNumber", kindNumber, false, 0},
		{3, "severityText", kindText, false, 0},
		{5, "body", kindMessage, false, anyValue},
		{6, "attributes", kindMessage, true, keyValue},
		{7, "droppedAttributesCount", kindNumber, false, 0},
		{8, "flags", kindFixed32, false, 0},
		{9, "traceId", kindHex, false, 0},
		{10, "spanId", kindHex, false, 0},
		{11, "observedTimeUnixNano", kindFixed64, false, 0},
		{12, "eventName", kindText, false, 0},
	},
	keyValue: {
		{1, "key", kindText, false, 0},
		{2, "value", kindMessage, false, anyValue},
	},
	anyValue: {
		{1, "stringValue", kindText, false, 0},
		{2, "boolValue", kindBool, false, 0},
		{3, "intValue", kindLong, false, 0},
		{4, "doubleValue", kindDouble, false, 0},
		{5, "arrayValue", kindMessage, false, arrayValue},
		{6, "kvlistValue", kindMessage, false, kvList},
		{7, "bytesValue", kindBase64, false, 0},
	},
	arrayValue:     {{1, "values", kindMessage, true, anyValue}},
	kvList:         {{1, "values", kindMessage, true, keyValue}},
	exportResponse: {{1, "partialSuccess", kindMessage, false, partialSuccess}},
	partialSuccess: {
		{1, "rejectedLogRecords", kindLong, false, 0},
		{2, "errorMessage", kindText, false, 0},
	},
	status: {
		{1, "code", kindNumber, false, 0},
		{2, "message", kindText, false, 0},
	},
}

func memberByNumber(m message, number int) *member {
	for i := range schema[m] {
		if schema[m][i].number == number {
			return &schema[m][i]
		}
	}
	return nil
}

func memberByName(m message, name []byte) *member {
	for i := range schema[m] {
		if schema[m][i].name == string(name) {
			return &schema[m][i]
		}
	}
	return nil
}
