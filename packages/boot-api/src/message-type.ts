import type { MethodDefinition } from "@grpc/grpc-js";

/** The part of a message class from pbjs that is used. */
export interface MessageType<T> {
  /** Fields that are missing, null or undefined are not sent. */
  fromObject(value: T): object;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  toObject(message: object, options: { defaults: true; enums: typeof String; longs: typeof Number }): T;
}

/** Defines a method for grpc-js. Messages are plain objects, enums are strings, and 64-bit integers are numbers. */
export function defineMethod<Request, Response>(
  path: string,
  requestStream: boolean,
  responseStream: boolean,
  request: MessageType<Request>,
  response: MessageType<Response>,
): MethodDefinition<Request, Response> {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: serializer(request),
    requestDeserialize: deserializer(request),
    responseSerialize: serializer(response),
    responseDeserialize: deserializer(response),
  };
}

function serializer<T>(type: MessageType<T>): (value: T) => Buffer {
  return (value) => {
    const bytes = type.encode(type.fromObject(value)).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function deserializer<T>(type: MessageType<T>): (bytes: Uint8Array) => T {
  return (bytes) => type.toObject(type.decode(bytes), { defaults: true, enums: String, longs: Number });
}
