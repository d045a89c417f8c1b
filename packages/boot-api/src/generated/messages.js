// Generated from proto/boot.proto by `npm run gen`.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError, $TypeError = $util.global.TypeError, $String = $util.global.String, $Number = $util.global.Number, $parseInt = $util.global.parseInt, $BigInt = $util.global.BigInt, $Boolean = $util.global.Boolean, $Array = $util.global.Array, $isFinite = $util.global.isFinite;

const $root = $protobuf.roots["nixops4-boot"] || ($protobuf.roots["nixops4-boot"] = {});

export const nixops4 = $root.nixops4 = (() => {

    const nixops4 = {};

    nixops4.boot = (function() {

        const boot = {};

        boot.v1 = (function() {

            const v1 = {};

            v1.Asset = (function() {

                const Asset = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Asset.prototype.sha256 = "";
                Asset.prototype.size = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                Asset.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.sha256 != null && $Object.hasOwnProperty.call(message, "sha256") && message.sha256 !== "")
                        writer.uint32(10).string(message.sha256);
                    if (message.size != null && $Object.hasOwnProperty.call(message, "size") && (typeof message.size === "object" ? message.size.low || message.size.high : message.size !== 0))
                        writer.uint32(16).uint64(message.size);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Asset.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Asset();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.sha256 = value;
                                else
                                    delete message.sha256;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.size = value;
                                else
                                    delete message.size;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Asset.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Asset)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Asset: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Asset();
                    if (object.sha256 != null)
                        if (typeof object.sha256 !== "string" || object.sha256.length)
                            message.sha256 = $String(object.sha256);
                    if (object.size != null)
                        if (typeof object.size === "object" ? object.size.low || object.size.high : $Number(object.size) !== 0)
                            if ($util.Long)
                                message.size = $util.Long.fromValue(object.size, true);
                            else if (typeof object.size === "string")
                                message.size = $parseInt(object.size, 10);
                            else if (typeof object.size === "number")
                                message.size = object.size;
                            else if (typeof object.size === "object")
                                message.size = new $util.LongBits(object.size.low >>> 0, object.size.high >>> 0).toNumber(true);
                    return message;
                };

                Asset.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.sha256 = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.size = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.size = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.sha256 != null && $Object.hasOwnProperty.call(message, "sha256"))
                        object.sha256 = message.sha256;
                    if (message.size != null && $Object.hasOwnProperty.call(message, "size"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.size = typeof message.size === "number" ? $BigInt(message.size) : $util.Long.fromBits(message.size.low >>> 0, message.size.high >>> 0, true).toBigInt();
                        else if (typeof message.size === "number")
                            object.size = options.longs === $String ? $String(message.size) : message.size;
                        else
                            object.size = options.longs === $String ? $util.Long.prototype.toString.call(message.size) : options.longs === $Number ? new $util.LongBits(message.size.low >>> 0, message.size.high >>> 0).toNumber(true) : message.size;
                    return object;
                };

                Asset.prototype.toJSON = function() {
                    return Asset.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Asset;
            })();

            v1.OverlayFile = (function() {

                const OverlayFile = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                OverlayFile.prototype.path = "";
                OverlayFile.prototype.contents = $util.newBuffer([]);
                OverlayFile.prototype.mode = 0;
                OverlayFile.prototype.secret = false;

                OverlayFile.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.path != null && $Object.hasOwnProperty.call(message, "path") && message.path !== "")
                        writer.uint32(10).string(message.path);
                    if (message.contents != null && $Object.hasOwnProperty.call(message, "contents") && message.contents.length)
                        writer.uint32(18).bytes(message.contents);
                    if (message.mode != null && $Object.hasOwnProperty.call(message, "mode") && message.mode !== 0)
                        writer.uint32(24).uint32(message.mode);
                    if (message.secret != null && $Object.hasOwnProperty.call(message, "secret") && message.secret !== false)
                        writer.uint32(32).bool(message.secret);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                OverlayFile.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.OverlayFile();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.path = value;
                                else
                                    delete message.path;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.bytes()).length)
                                    message.contents = value;
                                else
                                    delete message.contents;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.mode = value;
                                else
                                    delete message.mode;
                                continue;
                            }
                        case 4: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.bool())
                                    message.secret = value;
                                else
                                    delete message.secret;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                OverlayFile.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.OverlayFile)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.OverlayFile: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.OverlayFile();
                    if (object.path != null)
                        if (typeof object.path !== "string" || object.path.length)
                            message.path = $String(object.path);
                    if (object.contents != null)
                        if (object.contents.length)
                            if (typeof object.contents === "string")
                                $util.base64.decode(object.contents, message.contents = $util.newBuffer($util.base64.length(object.contents)), 0);
                            else if (object.contents.length >= 0)
                                message.contents = object.contents;
                    if (object.mode != null)
                        if ($Number(object.mode) !== 0)
                            message.mode = object.mode >>> 0;
                    if (object.secret != null)
                        if (object.secret)
                            message.secret = $Boolean(object.secret);
                    return message;
                };

                OverlayFile.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.path = "";
                        if (options.bytes === $String)
                            object.contents = "";
                        else {
                            object.contents = [];
                            if (options.bytes !== $Array)
                                object.contents = $util.newBuffer(object.contents);
                        }
                        object.mode = 0;
                        object.secret = false;
                    }
                    if (message.path != null && $Object.hasOwnProperty.call(message, "path"))
                        object.path = message.path;
                    if (message.contents != null && $Object.hasOwnProperty.call(message, "contents"))
                        object.contents = options.bytes === $String ? $util.base64.encode(message.contents, 0, message.contents.length) : options.bytes === $Array ? $Array.prototype.slice.call(message.contents) : message.contents;
                    if (message.mode != null && $Object.hasOwnProperty.call(message, "mode"))
                        object.mode = message.mode;
                    if (message.secret != null && $Object.hasOwnProperty.call(message, "secret"))
                        object.secret = message.secret;
                    return object;
                };

                OverlayFile.prototype.toJSON = function() {
                    return OverlayFile.toObject(this, $protobuf.util.toJSONOptions);
                };

                return OverlayFile;
            })();

            v1.Architecture = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ARCHITECTURE_UNSPECIFIED"] = 0;
                values[valuesById[1] = "X86_64"] = 1;
                values[valuesById[2] = "AARCH64"] = 2;
                return values;
            })();

            v1.OnInterrupted = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ON_INTERRUPTED_UNSPECIFIED"] = 0;
                values[valuesById[1] = "HOLD"] = 1;
                values[valuesById[2] = "RETRY"] = 2;
                return values;
            })();

            v1.BiosLocalBoot = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "BIOS_LOCAL_BOOT_UNSPECIFIED"] = 0;
                values[valuesById[1] = "SANBOOT"] = 1;
                values[valuesById[2] = "EXIT"] = 2;
                return values;
            })();

            v1.EntrySpec = (function() {

                const EntrySpec = function (properties) {
                    this.macs = [];
                    this.initrds = [];
                    this.files = [];
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                EntrySpec.prototype.id = "";
                EntrySpec.prototype.macs = $util.emptyArray;
                EntrySpec.prototype.architecture = 0;
                EntrySpec.prototype.kernel = null;
                EntrySpec.prototype.initrds = $util.emptyArray;
                EntrySpec.prototype.cmdline = "";
                EntrySpec.prototype.files = $util.emptyArray;
                EntrySpec.prototype.installGeneration = 0;
                EntrySpec.prototype.onInterrupted = 0;
                EntrySpec.prototype.biosLocalBoot = 0;
                EntrySpec.prototype.expireSeconds = 0;
                EntrySpec.prototype.silenceSeconds = 0;
                EntrySpec.prototype.login = null;

                let $oneOfFields;

                // Virtual OneOf for proto3 optional field
                $Object.defineProperty(EntrySpec.prototype, "_login", {
                    get: $util.oneOfGetter($oneOfFields = ["login"]),
                    set: $util.oneOfSetter($oneOfFields)
                });

                EntrySpec.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                        writer.uint32(10).string(message.id);
                    if (message.macs != null && message.macs.length)
                        for (let i = 0; i < message.macs.length; ++i)
                            writer.uint32(18).string(message.macs[i]);
                    if (message.architecture != null && $Object.hasOwnProperty.call(message, "architecture") && message.architecture !== 0)
                        writer.uint32(24).int32(message.architecture);
                    if (message.kernel != null && $Object.hasOwnProperty.call(message, "kernel"))
                        $root.nixops4.boot.v1.Asset.encode(message.kernel, writer.uint32(34).fork(), _depth + 1).ldelim();
                    if (message.initrds != null && message.initrds.length)
                        for (let i = 0; i < message.initrds.length; ++i)
                            $root.nixops4.boot.v1.Asset.encode(message.initrds[i], writer.uint32(42).fork(), _depth + 1).ldelim();
                    if (message.cmdline != null && $Object.hasOwnProperty.call(message, "cmdline") && message.cmdline !== "")
                        writer.uint32(50).string(message.cmdline);
                    if (message.files != null && message.files.length)
                        for (let i = 0; i < message.files.length; ++i)
                            $root.nixops4.boot.v1.OverlayFile.encode(message.files[i], writer.uint32(58).fork(), _depth + 1).ldelim();
                    if (message.installGeneration != null && $Object.hasOwnProperty.call(message, "installGeneration") && message.installGeneration !== 0)
                        writer.uint32(64).uint32(message.installGeneration);
                    if (message.onInterrupted != null && $Object.hasOwnProperty.call(message, "onInterrupted") && message.onInterrupted !== 0)
                        writer.uint32(72).int32(message.onInterrupted);
                    if (message.biosLocalBoot != null && $Object.hasOwnProperty.call(message, "biosLocalBoot") && message.biosLocalBoot !== 0)
                        writer.uint32(80).int32(message.biosLocalBoot);
                    if (message.expireSeconds != null && $Object.hasOwnProperty.call(message, "expireSeconds") && message.expireSeconds !== 0)
                        writer.uint32(88).uint32(message.expireSeconds);
                    if (message.silenceSeconds != null && $Object.hasOwnProperty.call(message, "silenceSeconds") && message.silenceSeconds !== 0)
                        writer.uint32(96).uint32(message.silenceSeconds);
                    if (message.login != null && $Object.hasOwnProperty.call(message, "login"))
                        writer.uint32(106).string(message.login);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                EntrySpec.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.EntrySpec();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.id = value;
                                else
                                    delete message.id;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.macs && message.macs.length))
                                    message.macs = [];
                                message.macs.push(reader.stringVerify());
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.int32())
                                    message.architecture = value;
                                else
                                    delete message.architecture;
                                continue;
                            }
                        case 4: {
                                if (wireType !== 2)
                                    break;
                                message.kernel = $root.nixops4.boot.v1.Asset.decode(reader, reader.size(), $undefined, _depth + 1, message.kernel);
                                continue;
                            }
                        case 5: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.initrds && message.initrds.length))
                                    message.initrds = [];
                                message.initrds.push($root.nixops4.boot.v1.Asset.decode(reader, reader.size(), $undefined, _depth + 1));
                                continue;
                            }
                        case 6: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.cmdline = value;
                                else
                                    delete message.cmdline;
                                continue;
                            }
                        case 7: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.files && message.files.length))
                                    message.files = [];
                                message.files.push($root.nixops4.boot.v1.OverlayFile.decode(reader, reader.size(), $undefined, _depth + 1));
                                continue;
                            }
                        case 8: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.installGeneration = value;
                                else
                                    delete message.installGeneration;
                                continue;
                            }
                        case 9: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.int32())
                                    message.onInterrupted = value;
                                else
                                    delete message.onInterrupted;
                                continue;
                            }
                        case 10: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.int32())
                                    message.biosLocalBoot = value;
                                else
                                    delete message.biosLocalBoot;
                                continue;
                            }
                        case 11: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.expireSeconds = value;
                                else
                                    delete message.expireSeconds;
                                continue;
                            }
                        case 12: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.silenceSeconds = value;
                                else
                                    delete message.silenceSeconds;
                                continue;
                            }
                        case 13: {
                                if (wireType !== 2)
                                    break;
                                message.login = reader.stringVerify();
                                message._login = "login";
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                EntrySpec.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.EntrySpec)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.EntrySpec: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.EntrySpec();
                    if (object.id != null)
                        if (typeof object.id !== "string" || object.id.length)
                            message.id = $String(object.id);
                    if (object.macs) {
                        if (!$Array.isArray(object.macs))
                            throw $TypeError(".nixops4.boot.v1.EntrySpec.macs: array expected");
                        message.macs = $Array(object.macs.length);
                        for (let i = 0; i < object.macs.length; ++i)
                            message.macs[i] = $String(object.macs[i]);
                    }
                    if (object.architecture !== 0 && (typeof object.architecture !== "string" || $root.nixops4.boot.v1.Architecture[object.architecture] !== 0))
                        switch (object.architecture) {
                        case "ARCHITECTURE_UNSPECIFIED":
                        case 0:
                            message.architecture = 0;
                            break;
                        case "X86_64":
                        case 1:
                            message.architecture = 1;
                            break;
                        case "AARCH64":
                        case 2:
                            message.architecture = 2;
                            break;
                        default:
                            if (typeof object.architecture === "number" && (object.architecture | 0) === object.architecture)
                                message.architecture = object.architecture;
                        }
                    if (object.kernel != null) {
                        if (!$util.isObject(object.kernel))
                            throw $TypeError(".nixops4.boot.v1.EntrySpec.kernel: object expected");
                        message.kernel = $root.nixops4.boot.v1.Asset.fromObject(object.kernel, _depth + 1);
                    }
                    if (object.initrds) {
                        if (!$Array.isArray(object.initrds))
                            throw $TypeError(".nixops4.boot.v1.EntrySpec.initrds: array expected");
                        message.initrds = $Array(object.initrds.length);
                        for (let i = 0; i < object.initrds.length; ++i) {
                            if (!$util.isObject(object.initrds[i]))
                                throw $TypeError(".nixops4.boot.v1.EntrySpec.initrds: object expected");
                            message.initrds[i] = $root.nixops4.boot.v1.Asset.fromObject(object.initrds[i], _depth + 1);
                        }
                    }
                    if (object.cmdline != null)
                        if (typeof object.cmdline !== "string" || object.cmdline.length)
                            message.cmdline = $String(object.cmdline);
                    if (object.files) {
                        if (!$Array.isArray(object.files))
                            throw $TypeError(".nixops4.boot.v1.EntrySpec.files: array expected");
                        message.files = $Array(object.files.length);
                        for (let i = 0; i < object.files.length; ++i) {
                            if (!$util.isObject(object.files[i]))
                                throw $TypeError(".nixops4.boot.v1.EntrySpec.files: object expected");
                            message.files[i] = $root.nixops4.boot.v1.OverlayFile.fromObject(object.files[i], _depth + 1);
                        }
                    }
                    if (object.installGeneration != null)
                        if ($Number(object.installGeneration) !== 0)
                            message.installGeneration = object.installGeneration >>> 0;
                    if (object.onInterrupted !== 0 && (typeof object.onInterrupted !== "string" || $root.nixops4.boot.v1.OnInterrupted[object.onInterrupted] !== 0))
                        switch (object.onInterrupted) {
                        case "ON_INTERRUPTED_UNSPECIFIED":
                        case 0:
                            message.onInterrupted = 0;
                            break;
                        case "HOLD":
                        case 1:
                            message.onInterrupted = 1;
                            break;
                        case "RETRY":
                        case 2:
                            message.onInterrupted = 2;
                            break;
                        default:
                            if (typeof object.onInterrupted === "number" && (object.onInterrupted | 0) === object.onInterrupted)
                                message.onInterrupted = object.onInterrupted;
                        }
                    if (object.biosLocalBoot !== 0 && (typeof object.biosLocalBoot !== "string" || $root.nixops4.boot.v1.BiosLocalBoot[object.biosLocalBoot] !== 0))
                        switch (object.biosLocalBoot) {
                        case "BIOS_LOCAL_BOOT_UNSPECIFIED":
                        case 0:
                            message.biosLocalBoot = 0;
                            break;
                        case "SANBOOT":
                        case 1:
                            message.biosLocalBoot = 1;
                            break;
                        case "EXIT":
                        case 2:
                            message.biosLocalBoot = 2;
                            break;
                        default:
                            if (typeof object.biosLocalBoot === "number" && (object.biosLocalBoot | 0) === object.biosLocalBoot)
                                message.biosLocalBoot = object.biosLocalBoot;
                        }
                    if (object.expireSeconds != null)
                        if ($Number(object.expireSeconds) !== 0)
                            message.expireSeconds = object.expireSeconds >>> 0;
                    if (object.silenceSeconds != null)
                        if ($Number(object.silenceSeconds) !== 0)
                            message.silenceSeconds = object.silenceSeconds >>> 0;
                    if (object.login != null)
                        message.login = $String(object.login);
                    return message;
                };

                EntrySpec.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.arrays || options.defaults) {
                        object.macs = [];
                        object.initrds = [];
                        object.files = [];
                    }
                    if (options.defaults) {
                        object.id = "";
                        object.architecture = options.enums === $String ? "ARCHITECTURE_UNSPECIFIED" : 0;
                        object.kernel = null;
                        object.cmdline = "";
                        object.installGeneration = 0;
                        object.onInterrupted = options.enums === $String ? "ON_INTERRUPTED_UNSPECIFIED" : 0;
                        object.biosLocalBoot = options.enums === $String ? "BIOS_LOCAL_BOOT_UNSPECIFIED" : 0;
                        object.expireSeconds = 0;
                        object.silenceSeconds = 0;
                    }
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id"))
                        object.id = message.id;
                    if (message.macs && message.macs.length) {
                        object.macs = $Array(message.macs.length);
                        for (let j = 0; j < message.macs.length; ++j)
                            object.macs[j] = message.macs[j];
                    }
                    if (message.architecture != null && $Object.hasOwnProperty.call(message, "architecture"))
                        object.architecture = options.enums === $String ? $root.nixops4.boot.v1.Architecture[message.architecture] === $undefined ? message.architecture : $root.nixops4.boot.v1.Architecture[message.architecture] : message.architecture;
                    if (message.kernel != null && $Object.hasOwnProperty.call(message, "kernel"))
                        object.kernel = $root.nixops4.boot.v1.Asset.toObject(message.kernel, options, _depth + 1);
                    if (message.initrds && message.initrds.length) {
                        object.initrds = $Array(message.initrds.length);
                        for (let j = 0; j < message.initrds.length; ++j)
                            object.initrds[j] = $root.nixops4.boot.v1.Asset.toObject(message.initrds[j], options, _depth + 1);
                    }
                    if (message.cmdline != null && $Object.hasOwnProperty.call(message, "cmdline"))
                        object.cmdline = message.cmdline;
                    if (message.files && message.files.length) {
                        object.files = $Array(message.files.length);
                        for (let j = 0; j < message.files.length; ++j)
                            object.files[j] = $root.nixops4.boot.v1.OverlayFile.toObject(message.files[j], options, _depth + 1);
                    }
                    if (message.installGeneration != null && $Object.hasOwnProperty.call(message, "installGeneration"))
                        object.installGeneration = message.installGeneration;
                    if (message.onInterrupted != null && $Object.hasOwnProperty.call(message, "onInterrupted"))
                        object.onInterrupted = options.enums === $String ? $root.nixops4.boot.v1.OnInterrupted[message.onInterrupted] === $undefined ? message.onInterrupted : $root.nixops4.boot.v1.OnInterrupted[message.onInterrupted] : message.onInterrupted;
                    if (message.biosLocalBoot != null && $Object.hasOwnProperty.call(message, "biosLocalBoot"))
                        object.biosLocalBoot = options.enums === $String ? $root.nixops4.boot.v1.BiosLocalBoot[message.biosLocalBoot] === $undefined ? message.biosLocalBoot : $root.nixops4.boot.v1.BiosLocalBoot[message.biosLocalBoot] : message.biosLocalBoot;
                    if (message.expireSeconds != null && $Object.hasOwnProperty.call(message, "expireSeconds"))
                        object.expireSeconds = message.expireSeconds;
                    if (message.silenceSeconds != null && $Object.hasOwnProperty.call(message, "silenceSeconds"))
                        object.silenceSeconds = message.silenceSeconds;
                    if (message.login != null && $Object.hasOwnProperty.call(message, "login"))
                        object.login = message.login;
                    return object;
                };

                EntrySpec.prototype.toJSON = function() {
                    return EntrySpec.toObject(this, $protobuf.util.toJSONOptions);
                };

                return EntrySpec;
            })();

            v1.Phase = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "PHASE_UNSPECIFIED"] = 0;
                values[valuesById[1] = "ARMED"] = 1;
                values[valuesById[2] = "BOOTING"] = 2;
                values[valuesById[3] = "INSTALLING"] = 3;
                values[valuesById[4] = "INSTALLED"] = 4;
                values[valuesById[5] = "FAILED"] = 5;
                values[valuesById[6] = "INTERRUPTED"] = 6;
                values[valuesById[7] = "EXPIRED"] = 7;
                values[valuesById[8] = "REFUSED"] = 8;
                return values;
            })();

            v1.Entry = (function() {

                const Entry = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Entry.prototype.spec = null;
                Entry.prototype.phase = 0;
                Entry.prototype.attempt = 0;
                Entry.prototype.armedAt = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
                Entry.prototype.expiresAt = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
                Entry.prototype.boot = null;
                Entry.prototype.claim = null;
                Entry.prototype.report = null;
                Entry.prototype.endedAt = null;
                Entry.prototype.reason = "";
                Entry.prototype.scriptUrl = "";
                Entry.prototype.cursor = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                let $oneOfFields;

                // Virtual OneOf for proto3 optional field
                $Object.defineProperty(Entry.prototype, "_endedAt", {
                    get: $util.oneOfGetter($oneOfFields = ["endedAt"]),
                    set: $util.oneOfSetter($oneOfFields)
                });

                Entry.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.spec != null && $Object.hasOwnProperty.call(message, "spec"))
                        $root.nixops4.boot.v1.EntrySpec.encode(message.spec, writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.phase != null && $Object.hasOwnProperty.call(message, "phase") && message.phase !== 0)
                        writer.uint32(16).int32(message.phase);
                    if (message.attempt != null && $Object.hasOwnProperty.call(message, "attempt") && message.attempt !== 0)
                        writer.uint32(24).uint32(message.attempt);
                    if (message.armedAt != null && $Object.hasOwnProperty.call(message, "armedAt") && (typeof message.armedAt === "object" ? message.armedAt.low || message.armedAt.high : message.armedAt !== 0))
                        writer.uint32(32).uint64(message.armedAt);
                    if (message.expiresAt != null && $Object.hasOwnProperty.call(message, "expiresAt") && (typeof message.expiresAt === "object" ? message.expiresAt.low || message.expiresAt.high : message.expiresAt !== 0))
                        writer.uint32(40).uint64(message.expiresAt);
                    if (message.boot != null && $Object.hasOwnProperty.call(message, "boot"))
                        $root.nixops4.boot.v1.Boot.encode(message.boot, writer.uint32(50).fork(), _depth + 1).ldelim();
                    if (message.claim != null && $Object.hasOwnProperty.call(message, "claim"))
                        $root.nixops4.boot.v1.Claim.encode(message.claim, writer.uint32(58).fork(), _depth + 1).ldelim();
                    if (message.report != null && $Object.hasOwnProperty.call(message, "report"))
                        $root.nixops4.boot.v1.Report.encode(message.report, writer.uint32(66).fork(), _depth + 1).ldelim();
                    if (message.endedAt != null && $Object.hasOwnProperty.call(message, "endedAt"))
                        writer.uint32(72).uint64(message.endedAt);
                    if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                        writer.uint32(82).string(message.reason);
                    if (message.scriptUrl != null && $Object.hasOwnProperty.call(message, "scriptUrl") && message.scriptUrl !== "")
                        writer.uint32(90).string(message.scriptUrl);
                    if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor") && (typeof message.cursor === "object" ? message.cursor.low || message.cursor.high : message.cursor !== 0))
                        writer.uint32(96).uint64(message.cursor);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Entry.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Entry();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.spec = $root.nixops4.boot.v1.EntrySpec.decode(reader, reader.size(), $undefined, _depth + 1, message.spec);
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.int32())
                                    message.phase = value;
                                else
                                    delete message.phase;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.attempt = value;
                                else
                                    delete message.attempt;
                                continue;
                            }
                        case 4: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.armedAt = value;
                                else
                                    delete message.armedAt;
                                continue;
                            }
                        case 5: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.expiresAt = value;
                                else
                                    delete message.expiresAt;
                                continue;
                            }
                        case 6: {
                                if (wireType !== 2)
                                    break;
                                message.boot = $root.nixops4.boot.v1.Boot.decode(reader, reader.size(), $undefined, _depth + 1, message.boot);
                                continue;
                            }
                        case 7: {
                                if (wireType !== 2)
                                    break;
                                message.claim = $root.nixops4.boot.v1.Claim.decode(reader, reader.size(), $undefined, _depth + 1, message.claim);
                                continue;
                            }
                        case 8: {
                                if (wireType !== 2)
                                    break;
                                message.report = $root.nixops4.boot.v1.Report.decode(reader, reader.size(), $undefined, _depth + 1, message.report);
                                continue;
                            }
                        case 9: {
                                if (wireType !== 0)
                                    break;
                                message.endedAt = reader.uint64();
                                message._endedAt = "endedAt";
                                continue;
                            }
                        case 10: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.reason = value;
                                else
                                    delete message.reason;
                                continue;
                            }
                        case 11: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.scriptUrl = value;
                                else
                                    delete message.scriptUrl;
                                continue;
                            }
                        case 12: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.cursor = value;
                                else
                                    delete message.cursor;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Entry.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Entry)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Entry: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Entry();
                    if (object.spec != null) {
                        if (!$util.isObject(object.spec))
                            throw $TypeError(".nixops4.boot.v1.Entry.spec: object expected");
                        message.spec = $root.nixops4.boot.v1.EntrySpec.fromObject(object.spec, _depth + 1);
                    }
                    if (object.phase !== 0 && (typeof object.phase !== "string" || $root.nixops4.boot.v1.Phase[object.phase] !== 0))
                        switch (object.phase) {
                        case "PHASE_UNSPECIFIED":
                        case 0:
                            message.phase = 0;
                            break;
                        case "ARMED":
                        case 1:
                            message.phase = 1;
                            break;
                        case "BOOTING":
                        case 2:
                            message.phase = 2;
                            break;
                        case "INSTALLING":
                        case 3:
                            message.phase = 3;
                            break;
                        case "INSTALLED":
                        case 4:
                            message.phase = 4;
                            break;
                        case "FAILED":
                        case 5:
                            message.phase = 5;
                            break;
                        case "INTERRUPTED":
                        case 6:
                            message.phase = 6;
                            break;
                        case "EXPIRED":
                        case 7:
                            message.phase = 7;
                            break;
                        case "REFUSED":
                        case 8:
                            message.phase = 8;
                            break;
                        default:
                            if (typeof object.phase === "number" && (object.phase | 0) === object.phase)
                                message.phase = object.phase;
                        }
                    if (object.attempt != null)
                        if ($Number(object.attempt) !== 0)
                            message.attempt = object.attempt >>> 0;
                    if (object.armedAt != null)
                        if (typeof object.armedAt === "object" ? object.armedAt.low || object.armedAt.high : $Number(object.armedAt) !== 0)
                            if ($util.Long)
                                message.armedAt = $util.Long.fromValue(object.armedAt, true);
                            else if (typeof object.armedAt === "string")
                                message.armedAt = $parseInt(object.armedAt, 10);
                            else if (typeof object.armedAt === "number")
                                message.armedAt = object.armedAt;
                            else if (typeof object.armedAt === "object")
                                message.armedAt = new $util.LongBits(object.armedAt.low >>> 0, object.armedAt.high >>> 0).toNumber(true);
                    if (object.expiresAt != null)
                        if (typeof object.expiresAt === "object" ? object.expiresAt.low || object.expiresAt.high : $Number(object.expiresAt) !== 0)
                            if ($util.Long)
                                message.expiresAt = $util.Long.fromValue(object.expiresAt, true);
                            else if (typeof object.expiresAt === "string")
                                message.expiresAt = $parseInt(object.expiresAt, 10);
                            else if (typeof object.expiresAt === "number")
                                message.expiresAt = object.expiresAt;
                            else if (typeof object.expiresAt === "object")
                                message.expiresAt = new $util.LongBits(object.expiresAt.low >>> 0, object.expiresAt.high >>> 0).toNumber(true);
                    if (object.boot != null) {
                        if (!$util.isObject(object.boot))
                            throw $TypeError(".nixops4.boot.v1.Entry.boot: object expected");
                        message.boot = $root.nixops4.boot.v1.Boot.fromObject(object.boot, _depth + 1);
                    }
                    if (object.claim != null) {
                        if (!$util.isObject(object.claim))
                            throw $TypeError(".nixops4.boot.v1.Entry.claim: object expected");
                        message.claim = $root.nixops4.boot.v1.Claim.fromObject(object.claim, _depth + 1);
                    }
                    if (object.report != null) {
                        if (!$util.isObject(object.report))
                            throw $TypeError(".nixops4.boot.v1.Entry.report: object expected");
                        message.report = $root.nixops4.boot.v1.Report.fromObject(object.report, _depth + 1);
                    }
                    if (object.endedAt != null)
                        if ($util.Long)
                            message.endedAt = $util.Long.fromValue(object.endedAt, true);
                        else if (typeof object.endedAt === "string")
                            message.endedAt = $parseInt(object.endedAt, 10);
                        else if (typeof object.endedAt === "number")
                            message.endedAt = object.endedAt;
                        else if (typeof object.endedAt === "object")
                            message.endedAt = new $util.LongBits(object.endedAt.low >>> 0, object.endedAt.high >>> 0).toNumber(true);
                    if (object.reason != null)
                        if (typeof object.reason !== "string" || object.reason.length)
                            message.reason = $String(object.reason);
                    if (object.scriptUrl != null)
                        if (typeof object.scriptUrl !== "string" || object.scriptUrl.length)
                            message.scriptUrl = $String(object.scriptUrl);
                    if (object.cursor != null)
                        if (typeof object.cursor === "object" ? object.cursor.low || object.cursor.high : $Number(object.cursor) !== 0)
                            if ($util.Long)
                                message.cursor = $util.Long.fromValue(object.cursor, true);
                            else if (typeof object.cursor === "string")
                                message.cursor = $parseInt(object.cursor, 10);
                            else if (typeof object.cursor === "number")
                                message.cursor = object.cursor;
                            else if (typeof object.cursor === "object")
                                message.cursor = new $util.LongBits(object.cursor.low >>> 0, object.cursor.high >>> 0).toNumber(true);
                    return message;
                };

                Entry.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.spec = null;
                        object.phase = options.enums === $String ? "PHASE_UNSPECIFIED" : 0;
                        object.attempt = 0;
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.armedAt = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.armedAt = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.expiresAt = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.expiresAt = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                        object.boot = null;
                        object.claim = null;
                        object.report = null;
                        object.reason = "";
                        object.scriptUrl = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.cursor = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.cursor = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.spec != null && $Object.hasOwnProperty.call(message, "spec"))
                        object.spec = $root.nixops4.boot.v1.EntrySpec.toObject(message.spec, options, _depth + 1);
                    if (message.phase != null && $Object.hasOwnProperty.call(message, "phase"))
                        object.phase = options.enums === $String ? $root.nixops4.boot.v1.Phase[message.phase] === $undefined ? message.phase : $root.nixops4.boot.v1.Phase[message.phase] : message.phase;
                    if (message.attempt != null && $Object.hasOwnProperty.call(message, "attempt"))
                        object.attempt = message.attempt;
                    if (message.armedAt != null && $Object.hasOwnProperty.call(message, "armedAt"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.armedAt = typeof message.armedAt === "number" ? $BigInt(message.armedAt) : $util.Long.fromBits(message.armedAt.low >>> 0, message.armedAt.high >>> 0, true).toBigInt();
                        else if (typeof message.armedAt === "number")
                            object.armedAt = options.longs === $String ? $String(message.armedAt) : message.armedAt;
                        else
                            object.armedAt = options.longs === $String ? $util.Long.prototype.toString.call(message.armedAt) : options.longs === $Number ? new $util.LongBits(message.armedAt.low >>> 0, message.armedAt.high >>> 0).toNumber(true) : message.armedAt;
                    if (message.expiresAt != null && $Object.hasOwnProperty.call(message, "expiresAt"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.expiresAt = typeof message.expiresAt === "number" ? $BigInt(message.expiresAt) : $util.Long.fromBits(message.expiresAt.low >>> 0, message.expiresAt.high >>> 0, true).toBigInt();
                        else if (typeof message.expiresAt === "number")
                            object.expiresAt = options.longs === $String ? $String(message.expiresAt) : message.expiresAt;
                        else
                            object.expiresAt = options.longs === $String ? $util.Long.prototype.toString.call(message.expiresAt) : options.longs === $Number ? new $util.LongBits(message.expiresAt.low >>> 0, message.expiresAt.high >>> 0).toNumber(true) : message.expiresAt;
                    if (message.boot != null && $Object.hasOwnProperty.call(message, "boot"))
                        object.boot = $root.nixops4.boot.v1.Boot.toObject(message.boot, options, _depth + 1);
                    if (message.claim != null && $Object.hasOwnProperty.call(message, "claim"))
                        object.claim = $root.nixops4.boot.v1.Claim.toObject(message.claim, options, _depth + 1);
                    if (message.report != null && $Object.hasOwnProperty.call(message, "report"))
                        object.report = $root.nixops4.boot.v1.Report.toObject(message.report, options, _depth + 1);
                    if (message.endedAt != null && $Object.hasOwnProperty.call(message, "endedAt"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.endedAt = typeof message.endedAt === "number" ? $BigInt(message.endedAt) : $util.Long.fromBits(message.endedAt.low >>> 0, message.endedAt.high >>> 0, true).toBigInt();
                        else if (typeof message.endedAt === "number")
                            object.endedAt = options.longs === $String ? $String(message.endedAt) : message.endedAt;
                        else
                            object.endedAt = options.longs === $String ? $util.Long.prototype.toString.call(message.endedAt) : options.longs === $Number ? new $util.LongBits(message.endedAt.low >>> 0, message.endedAt.high >>> 0).toNumber(true) : message.endedAt;
                    if (message.reason != null && $Object.hasOwnProperty.call(message, "reason"))
                        object.reason = message.reason;
                    if (message.scriptUrl != null && $Object.hasOwnProperty.call(message, "scriptUrl"))
                        object.scriptUrl = message.scriptUrl;
                    if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.cursor = typeof message.cursor === "number" ? $BigInt(message.cursor) : $util.Long.fromBits(message.cursor.low >>> 0, message.cursor.high >>> 0, true).toBigInt();
                        else if (typeof message.cursor === "number")
                            object.cursor = options.longs === $String ? $String(message.cursor) : message.cursor;
                        else
                            object.cursor = options.longs === $String ? $util.Long.prototype.toString.call(message.cursor) : options.longs === $Number ? new $util.LongBits(message.cursor.low >>> 0, message.cursor.high >>> 0).toNumber(true) : message.cursor;
                    return object;
                };

                Entry.prototype.toJSON = function() {
                    return Entry.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Entry;
            })();

            v1.Boot = (function() {

                const Boot = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Boot.prototype.mac = "";
                Boot.prototype.address = "";
                Boot.prototype.firmware = "";
                Boot.prototype.architecture = "";
                Boot.prototype.startedAt = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                Boot.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.mac != null && $Object.hasOwnProperty.call(message, "mac") && message.mac !== "")
                        writer.uint32(10).string(message.mac);
                    if (message.address != null && $Object.hasOwnProperty.call(message, "address") && message.address !== "")
                        writer.uint32(18).string(message.address);
                    if (message.firmware != null && $Object.hasOwnProperty.call(message, "firmware") && message.firmware !== "")
                        writer.uint32(26).string(message.firmware);
                    if (message.architecture != null && $Object.hasOwnProperty.call(message, "architecture") && message.architecture !== "")
                        writer.uint32(34).string(message.architecture);
                    if (message.startedAt != null && $Object.hasOwnProperty.call(message, "startedAt") && (typeof message.startedAt === "object" ? message.startedAt.low || message.startedAt.high : message.startedAt !== 0))
                        writer.uint32(40).uint64(message.startedAt);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Boot.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Boot();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.mac = value;
                                else
                                    delete message.mac;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.address = value;
                                else
                                    delete message.address;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.firmware = value;
                                else
                                    delete message.firmware;
                                continue;
                            }
                        case 4: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.architecture = value;
                                else
                                    delete message.architecture;
                                continue;
                            }
                        case 5: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.startedAt = value;
                                else
                                    delete message.startedAt;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Boot.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Boot)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Boot: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Boot();
                    if (object.mac != null)
                        if (typeof object.mac !== "string" || object.mac.length)
                            message.mac = $String(object.mac);
                    if (object.address != null)
                        if (typeof object.address !== "string" || object.address.length)
                            message.address = $String(object.address);
                    if (object.firmware != null)
                        if (typeof object.firmware !== "string" || object.firmware.length)
                            message.firmware = $String(object.firmware);
                    if (object.architecture != null)
                        if (typeof object.architecture !== "string" || object.architecture.length)
                            message.architecture = $String(object.architecture);
                    if (object.startedAt != null)
                        if (typeof object.startedAt === "object" ? object.startedAt.low || object.startedAt.high : $Number(object.startedAt) !== 0)
                            if ($util.Long)
                                message.startedAt = $util.Long.fromValue(object.startedAt, true);
                            else if (typeof object.startedAt === "string")
                                message.startedAt = $parseInt(object.startedAt, 10);
                            else if (typeof object.startedAt === "number")
                                message.startedAt = object.startedAt;
                            else if (typeof object.startedAt === "object")
                                message.startedAt = new $util.LongBits(object.startedAt.low >>> 0, object.startedAt.high >>> 0).toNumber(true);
                    return message;
                };

                Boot.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.mac = "";
                        object.address = "";
                        object.firmware = "";
                        object.architecture = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.startedAt = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.startedAt = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.mac != null && $Object.hasOwnProperty.call(message, "mac"))
                        object.mac = message.mac;
                    if (message.address != null && $Object.hasOwnProperty.call(message, "address"))
                        object.address = message.address;
                    if (message.firmware != null && $Object.hasOwnProperty.call(message, "firmware"))
                        object.firmware = message.firmware;
                    if (message.architecture != null && $Object.hasOwnProperty.call(message, "architecture"))
                        object.architecture = message.architecture;
                    if (message.startedAt != null && $Object.hasOwnProperty.call(message, "startedAt"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.startedAt = typeof message.startedAt === "number" ? $BigInt(message.startedAt) : $util.Long.fromBits(message.startedAt.low >>> 0, message.startedAt.high >>> 0, true).toBigInt();
                        else if (typeof message.startedAt === "number")
                            object.startedAt = options.longs === $String ? $String(message.startedAt) : message.startedAt;
                        else
                            object.startedAt = options.longs === $String ? $util.Long.prototype.toString.call(message.startedAt) : options.longs === $Number ? new $util.LongBits(message.startedAt.low >>> 0, message.startedAt.high >>> 0).toNumber(true) : message.startedAt;
                    return object;
                };

                Boot.prototype.toJSON = function() {
                    return Boot.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Boot;
            })();

            v1.Claim = (function() {

                const Claim = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Claim.prototype.bootId = "";
                Claim.prototype.address = "";
                Claim.prototype.claimedAt = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                Claim.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.bootId != null && $Object.hasOwnProperty.call(message, "bootId") && message.bootId !== "")
                        writer.uint32(10).string(message.bootId);
                    if (message.address != null && $Object.hasOwnProperty.call(message, "address") && message.address !== "")
                        writer.uint32(18).string(message.address);
                    if (message.claimedAt != null && $Object.hasOwnProperty.call(message, "claimedAt") && (typeof message.claimedAt === "object" ? message.claimedAt.low || message.claimedAt.high : message.claimedAt !== 0))
                        writer.uint32(24).uint64(message.claimedAt);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Claim.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Claim();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.bootId = value;
                                else
                                    delete message.bootId;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.address = value;
                                else
                                    delete message.address;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.claimedAt = value;
                                else
                                    delete message.claimedAt;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Claim.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Claim)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Claim: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Claim();
                    if (object.bootId != null)
                        if (typeof object.bootId !== "string" || object.bootId.length)
                            message.bootId = $String(object.bootId);
                    if (object.address != null)
                        if (typeof object.address !== "string" || object.address.length)
                            message.address = $String(object.address);
                    if (object.claimedAt != null)
                        if (typeof object.claimedAt === "object" ? object.claimedAt.low || object.claimedAt.high : $Number(object.claimedAt) !== 0)
                            if ($util.Long)
                                message.claimedAt = $util.Long.fromValue(object.claimedAt, true);
                            else if (typeof object.claimedAt === "string")
                                message.claimedAt = $parseInt(object.claimedAt, 10);
                            else if (typeof object.claimedAt === "number")
                                message.claimedAt = object.claimedAt;
                            else if (typeof object.claimedAt === "object")
                                message.claimedAt = new $util.LongBits(object.claimedAt.low >>> 0, object.claimedAt.high >>> 0).toNumber(true);
                    return message;
                };

                Claim.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.bootId = "";
                        object.address = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.claimedAt = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.claimedAt = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.bootId != null && $Object.hasOwnProperty.call(message, "bootId"))
                        object.bootId = message.bootId;
                    if (message.address != null && $Object.hasOwnProperty.call(message, "address"))
                        object.address = message.address;
                    if (message.claimedAt != null && $Object.hasOwnProperty.call(message, "claimedAt"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.claimedAt = typeof message.claimedAt === "number" ? $BigInt(message.claimedAt) : $util.Long.fromBits(message.claimedAt.low >>> 0, message.claimedAt.high >>> 0, true).toBigInt();
                        else if (typeof message.claimedAt === "number")
                            object.claimedAt = options.longs === $String ? $String(message.claimedAt) : message.claimedAt;
                        else
                            object.claimedAt = options.longs === $String ? $util.Long.prototype.toString.call(message.claimedAt) : options.longs === $Number ? new $util.LongBits(message.claimedAt.low >>> 0, message.claimedAt.high >>> 0).toNumber(true) : message.claimedAt;
                    return object;
                };

                Claim.prototype.toJSON = function() {
                    return Claim.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Claim;
            })();

            v1.Report = (function() {

                const Report = function (properties) {
                    this.log = [];
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Report.prototype.stage = "";
                Report.prototype.percent = null;
                Report.prototype.message = "";
                Report.prototype.log = $util.emptyArray;
                Report.prototype.reportedAt = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                let $oneOfFields;

                // Virtual OneOf for proto3 optional field
                $Object.defineProperty(Report.prototype, "_percent", {
                    get: $util.oneOfGetter($oneOfFields = ["percent"]),
                    set: $util.oneOfSetter($oneOfFields)
                });

                Report.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.stage != null && $Object.hasOwnProperty.call(message, "stage") && message.stage !== "")
                        writer.uint32(10).string(message.stage);
                    if (message.percent != null && $Object.hasOwnProperty.call(message, "percent"))
                        writer.uint32(17).double(message.percent);
                    if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                        writer.uint32(26).string(message.message);
                    if (message.log != null && message.log.length)
                        for (let i = 0; i < message.log.length; ++i)
                            writer.uint32(34).string(message.log[i]);
                    if (message.reportedAt != null && $Object.hasOwnProperty.call(message, "reportedAt") && (typeof message.reportedAt === "object" ? message.reportedAt.low || message.reportedAt.high : message.reportedAt !== 0))
                        writer.uint32(40).uint64(message.reportedAt);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Report.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Report();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.stage = value;
                                else
                                    delete message.stage;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 1)
                                    break;
                                message.percent = reader.double();
                                message._percent = "percent";
                                continue;
                            }
                        case 3: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.message = value;
                                else
                                    delete message.message;
                                continue;
                            }
                        case 4: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.log && message.log.length))
                                    message.log = [];
                                message.log.push(reader.stringVerify());
                                continue;
                            }
                        case 5: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.reportedAt = value;
                                else
                                    delete message.reportedAt;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Report.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Report)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Report: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Report();
                    if (object.stage != null)
                        if (typeof object.stage !== "string" || object.stage.length)
                            message.stage = $String(object.stage);
                    if (object.percent != null)
                        message.percent = $Number(object.percent);
                    if (object.message != null)
                        if (typeof object.message !== "string" || object.message.length)
                            message.message = $String(object.message);
                    if (object.log) {
                        if (!$Array.isArray(object.log))
                            throw $TypeError(".nixops4.boot.v1.Report.log: array expected");
                        message.log = $Array(object.log.length);
                        for (let i = 0; i < object.log.length; ++i)
                            message.log[i] = $String(object.log[i]);
                    }
                    if (object.reportedAt != null)
                        if (typeof object.reportedAt === "object" ? object.reportedAt.low || object.reportedAt.high : $Number(object.reportedAt) !== 0)
                            if ($util.Long)
                                message.reportedAt = $util.Long.fromValue(object.reportedAt, true);
                            else if (typeof object.reportedAt === "string")
                                message.reportedAt = $parseInt(object.reportedAt, 10);
                            else if (typeof object.reportedAt === "number")
                                message.reportedAt = object.reportedAt;
                            else if (typeof object.reportedAt === "object")
                                message.reportedAt = new $util.LongBits(object.reportedAt.low >>> 0, object.reportedAt.high >>> 0).toNumber(true);
                    return message;
                };

                Report.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.arrays || options.defaults)
                        object.log = [];
                    if (options.defaults) {
                        object.stage = "";
                        object.message = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.reportedAt = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.reportedAt = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.stage != null && $Object.hasOwnProperty.call(message, "stage"))
                        object.stage = message.stage;
                    if (message.percent != null && $Object.hasOwnProperty.call(message, "percent"))
                        object.percent = options.json && !$isFinite(message.percent) ? $String(message.percent) : message.percent;
                    if (message.message != null && $Object.hasOwnProperty.call(message, "message"))
                        object.message = message.message;
                    if (message.log && message.log.length) {
                        object.log = $Array(message.log.length);
                        for (let j = 0; j < message.log.length; ++j)
                            object.log[j] = message.log[j];
                    }
                    if (message.reportedAt != null && $Object.hasOwnProperty.call(message, "reportedAt"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.reportedAt = typeof message.reportedAt === "number" ? $BigInt(message.reportedAt) : $util.Long.fromBits(message.reportedAt.low >>> 0, message.reportedAt.high >>> 0, true).toBigInt();
                        else if (typeof message.reportedAt === "number")
                            object.reportedAt = options.longs === $String ? $String(message.reportedAt) : message.reportedAt;
                        else
                            object.reportedAt = options.longs === $String ? $util.Long.prototype.toString.call(message.reportedAt) : options.longs === $Number ? new $util.LongBits(message.reportedAt.low >>> 0, message.reportedAt.high >>> 0).toNumber(true) : message.reportedAt;
                    return object;
                };

                Report.prototype.toJSON = function() {
                    return Report.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Report;
            })();

            v1.PutEntryRequest = (function() {

                const PutEntryRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                PutEntryRequest.prototype.spec = null;

                PutEntryRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.spec != null && $Object.hasOwnProperty.call(message, "spec"))
                        $root.nixops4.boot.v1.EntrySpec.encode(message.spec, writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                PutEntryRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.PutEntryRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.spec = $root.nixops4.boot.v1.EntrySpec.decode(reader, reader.size(), $undefined, _depth + 1, message.spec);
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                PutEntryRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.PutEntryRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.PutEntryRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.PutEntryRequest();
                    if (object.spec != null) {
                        if (!$util.isObject(object.spec))
                            throw $TypeError(".nixops4.boot.v1.PutEntryRequest.spec: object expected");
                        message.spec = $root.nixops4.boot.v1.EntrySpec.fromObject(object.spec, _depth + 1);
                    }
                    return message;
                };

                PutEntryRequest.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults)
                        object.spec = null;
                    if (message.spec != null && $Object.hasOwnProperty.call(message, "spec"))
                        object.spec = $root.nixops4.boot.v1.EntrySpec.toObject(message.spec, options, _depth + 1);
                    return object;
                };

                PutEntryRequest.prototype.toJSON = function() {
                    return PutEntryRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return PutEntryRequest;
            })();

            v1.PutEntryResponse = (function() {

                const PutEntryResponse = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                PutEntryResponse.prototype.entry = null;
                PutEntryResponse.prototype.changed = false;

                PutEntryResponse.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.entry != null && $Object.hasOwnProperty.call(message, "entry"))
                        $root.nixops4.boot.v1.Entry.encode(message.entry, writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.changed != null && $Object.hasOwnProperty.call(message, "changed") && message.changed !== false)
                        writer.uint32(16).bool(message.changed);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                PutEntryResponse.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.PutEntryResponse();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.entry = $root.nixops4.boot.v1.Entry.decode(reader, reader.size(), $undefined, _depth + 1, message.entry);
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.bool())
                                    message.changed = value;
                                else
                                    delete message.changed;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                PutEntryResponse.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.PutEntryResponse)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.PutEntryResponse: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.PutEntryResponse();
                    if (object.entry != null) {
                        if (!$util.isObject(object.entry))
                            throw $TypeError(".nixops4.boot.v1.PutEntryResponse.entry: object expected");
                        message.entry = $root.nixops4.boot.v1.Entry.fromObject(object.entry, _depth + 1);
                    }
                    if (object.changed != null)
                        if (object.changed)
                            message.changed = $Boolean(object.changed);
                    return message;
                };

                PutEntryResponse.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.entry = null;
                        object.changed = false;
                    }
                    if (message.entry != null && $Object.hasOwnProperty.call(message, "entry"))
                        object.entry = $root.nixops4.boot.v1.Entry.toObject(message.entry, options, _depth + 1);
                    if (message.changed != null && $Object.hasOwnProperty.call(message, "changed"))
                        object.changed = message.changed;
                    return object;
                };

                PutEntryResponse.prototype.toJSON = function() {
                    return PutEntryResponse.toObject(this, $protobuf.util.toJSONOptions);
                };

                return PutEntryResponse;
            })();

            v1.GetEntryRequest = (function() {

                const GetEntryRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                GetEntryRequest.prototype.id = "";

                GetEntryRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                        writer.uint32(10).string(message.id);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                GetEntryRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.GetEntryRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.id = value;
                                else
                                    delete message.id;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                GetEntryRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.GetEntryRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.GetEntryRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.GetEntryRequest();
                    if (object.id != null)
                        if (typeof object.id !== "string" || object.id.length)
                            message.id = $String(object.id);
                    return message;
                };

                GetEntryRequest.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults)
                        object.id = "";
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id"))
                        object.id = message.id;
                    return object;
                };

                GetEntryRequest.prototype.toJSON = function() {
                    return GetEntryRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return GetEntryRequest;
            })();

            v1.GetHardwareReportRequest = (function() {

                const GetHardwareReportRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                GetHardwareReportRequest.prototype.entryId = "";

                GetHardwareReportRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.entryId != null && $Object.hasOwnProperty.call(message, "entryId") && message.entryId !== "")
                        writer.uint32(10).string(message.entryId);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                GetHardwareReportRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.GetHardwareReportRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.entryId = value;
                                else
                                    delete message.entryId;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                GetHardwareReportRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.GetHardwareReportRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.GetHardwareReportRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.GetHardwareReportRequest();
                    if (object.entryId != null)
                        if (typeof object.entryId !== "string" || object.entryId.length)
                            message.entryId = $String(object.entryId);
                    return message;
                };

                GetHardwareReportRequest.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults)
                        object.entryId = "";
                    if (message.entryId != null && $Object.hasOwnProperty.call(message, "entryId"))
                        object.entryId = message.entryId;
                    return object;
                };

                GetHardwareReportRequest.prototype.toJSON = function() {
                    return GetHardwareReportRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return GetHardwareReportRequest;
            })();

            v1.HardwareReport = (function() {

                const HardwareReport = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                HardwareReport.prototype.gzip = $util.newBuffer([]);

                HardwareReport.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.gzip != null && $Object.hasOwnProperty.call(message, "gzip") && message.gzip.length)
                        writer.uint32(10).bytes(message.gzip);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                HardwareReport.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.HardwareReport();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.bytes()).length)
                                    message.gzip = value;
                                else
                                    delete message.gzip;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                HardwareReport.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.HardwareReport)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.HardwareReport: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.HardwareReport();
                    if (object.gzip != null)
                        if (object.gzip.length)
                            if (typeof object.gzip === "string")
                                $util.base64.decode(object.gzip, message.gzip = $util.newBuffer($util.base64.length(object.gzip)), 0);
                            else if (object.gzip.length >= 0)
                                message.gzip = object.gzip;
                    return message;
                };

                HardwareReport.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults)
                        if (options.bytes === $String)
                            object.gzip = "";
                        else {
                            object.gzip = [];
                            if (options.bytes !== $Array)
                                object.gzip = $util.newBuffer(object.gzip);
                        }
                    if (message.gzip != null && $Object.hasOwnProperty.call(message, "gzip"))
                        object.gzip = options.bytes === $String ? $util.base64.encode(message.gzip, 0, message.gzip.length) : options.bytes === $Array ? $Array.prototype.slice.call(message.gzip) : message.gzip;
                    return object;
                };

                HardwareReport.prototype.toJSON = function() {
                    return HardwareReport.toObject(this, $protobuf.util.toJSONOptions);
                };

                return HardwareReport;
            })();

            v1.ListEntriesRequest = (function() {

                const ListEntriesRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                ListEntriesRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                ListEntriesRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.ListEntriesRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        reader.skipType(tag & 7, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                ListEntriesRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.ListEntriesRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.ListEntriesRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    return new $root.nixops4.boot.v1.ListEntriesRequest();
                };

                ListEntriesRequest.toObject = function () {
                    return {};
                };

                ListEntriesRequest.prototype.toJSON = function() {
                    return ListEntriesRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return ListEntriesRequest;
            })();

            v1.ListEntriesResponse = (function() {

                const ListEntriesResponse = function (properties) {
                    this.entries = [];
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                ListEntriesResponse.prototype.entries = $util.emptyArray;
                ListEntriesResponse.prototype.cursor = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                ListEntriesResponse.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.entries != null && message.entries.length)
                        for (let i = 0; i < message.entries.length; ++i)
                            $root.nixops4.boot.v1.Entry.encode(message.entries[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor") && (typeof message.cursor === "object" ? message.cursor.low || message.cursor.high : message.cursor !== 0))
                        writer.uint32(16).uint64(message.cursor);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                ListEntriesResponse.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.ListEntriesResponse();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.entries && message.entries.length))
                                    message.entries = [];
                                message.entries.push($root.nixops4.boot.v1.Entry.decode(reader, reader.size(), $undefined, _depth + 1));
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.cursor = value;
                                else
                                    delete message.cursor;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                ListEntriesResponse.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.ListEntriesResponse)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.ListEntriesResponse: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.ListEntriesResponse();
                    if (object.entries) {
                        if (!$Array.isArray(object.entries))
                            throw $TypeError(".nixops4.boot.v1.ListEntriesResponse.entries: array expected");
                        message.entries = $Array(object.entries.length);
                        for (let i = 0; i < object.entries.length; ++i) {
                            if (!$util.isObject(object.entries[i]))
                                throw $TypeError(".nixops4.boot.v1.ListEntriesResponse.entries: object expected");
                            message.entries[i] = $root.nixops4.boot.v1.Entry.fromObject(object.entries[i], _depth + 1);
                        }
                    }
                    if (object.cursor != null)
                        if (typeof object.cursor === "object" ? object.cursor.low || object.cursor.high : $Number(object.cursor) !== 0)
                            if ($util.Long)
                                message.cursor = $util.Long.fromValue(object.cursor, true);
                            else if (typeof object.cursor === "string")
                                message.cursor = $parseInt(object.cursor, 10);
                            else if (typeof object.cursor === "number")
                                message.cursor = object.cursor;
                            else if (typeof object.cursor === "object")
                                message.cursor = new $util.LongBits(object.cursor.low >>> 0, object.cursor.high >>> 0).toNumber(true);
                    return message;
                };

                ListEntriesResponse.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.arrays || options.defaults)
                        object.entries = [];
                    if (options.defaults)
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.cursor = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.cursor = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    if (message.entries && message.entries.length) {
                        object.entries = $Array(message.entries.length);
                        for (let j = 0; j < message.entries.length; ++j)
                            object.entries[j] = $root.nixops4.boot.v1.Entry.toObject(message.entries[j], options, _depth + 1);
                    }
                    if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.cursor = typeof message.cursor === "number" ? $BigInt(message.cursor) : $util.Long.fromBits(message.cursor.low >>> 0, message.cursor.high >>> 0, true).toBigInt();
                        else if (typeof message.cursor === "number")
                            object.cursor = options.longs === $String ? $String(message.cursor) : message.cursor;
                        else
                            object.cursor = options.longs === $String ? $util.Long.prototype.toString.call(message.cursor) : options.longs === $Number ? new $util.LongBits(message.cursor.low >>> 0, message.cursor.high >>> 0).toNumber(true) : message.cursor;
                    return object;
                };

                ListEntriesResponse.prototype.toJSON = function() {
                    return ListEntriesResponse.toObject(this, $protobuf.util.toJSONOptions);
                };

                return ListEntriesResponse;
            })();

            v1.DeleteEntryRequest = (function() {

                const DeleteEntryRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                DeleteEntryRequest.prototype.id = "";

                DeleteEntryRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                        writer.uint32(10).string(message.id);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                DeleteEntryRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.DeleteEntryRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.id = value;
                                else
                                    delete message.id;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                DeleteEntryRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.DeleteEntryRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.DeleteEntryRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.DeleteEntryRequest();
                    if (object.id != null)
                        if (typeof object.id !== "string" || object.id.length)
                            message.id = $String(object.id);
                    return message;
                };

                DeleteEntryRequest.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults)
                        object.id = "";
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id"))
                        object.id = message.id;
                    return object;
                };

                DeleteEntryRequest.prototype.toJSON = function() {
                    return DeleteEntryRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return DeleteEntryRequest;
            })();

            v1.DeleteEntryResponse = (function() {

                const DeleteEntryResponse = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                DeleteEntryResponse.prototype.deleted = false;

                DeleteEntryResponse.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.deleted != null && $Object.hasOwnProperty.call(message, "deleted") && message.deleted !== false)
                        writer.uint32(8).bool(message.deleted);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                DeleteEntryResponse.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.DeleteEntryResponse();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.bool())
                                    message.deleted = value;
                                else
                                    delete message.deleted;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                DeleteEntryResponse.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.DeleteEntryResponse)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.DeleteEntryResponse: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.DeleteEntryResponse();
                    if (object.deleted != null)
                        if (object.deleted)
                            message.deleted = $Boolean(object.deleted);
                    return message;
                };

                DeleteEntryResponse.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults)
                        object.deleted = false;
                    if (message.deleted != null && $Object.hasOwnProperty.call(message, "deleted"))
                        object.deleted = message.deleted;
                    return object;
                };

                DeleteEntryResponse.prototype.toJSON = function() {
                    return DeleteEntryResponse.toObject(this, $protobuf.util.toJSONOptions);
                };

                return DeleteEntryResponse;
            })();

            v1.AssetSource = (function() {

                const AssetSource = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                AssetSource.prototype.asset = null;
                AssetSource.prototype.storePath = "";

                AssetSource.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.asset != null && $Object.hasOwnProperty.call(message, "asset"))
                        $root.nixops4.boot.v1.Asset.encode(message.asset, writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.storePath != null && $Object.hasOwnProperty.call(message, "storePath") && message.storePath !== "")
                        writer.uint32(18).string(message.storePath);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                AssetSource.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.AssetSource();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.asset = $root.nixops4.boot.v1.Asset.decode(reader, reader.size(), $undefined, _depth + 1, message.asset);
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.storePath = value;
                                else
                                    delete message.storePath;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                AssetSource.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.AssetSource)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.AssetSource: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.AssetSource();
                    if (object.asset != null) {
                        if (!$util.isObject(object.asset))
                            throw $TypeError(".nixops4.boot.v1.AssetSource.asset: object expected");
                        message.asset = $root.nixops4.boot.v1.Asset.fromObject(object.asset, _depth + 1);
                    }
                    if (object.storePath != null)
                        if (typeof object.storePath !== "string" || object.storePath.length)
                            message.storePath = $String(object.storePath);
                    return message;
                };

                AssetSource.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.asset = null;
                        object.storePath = "";
                    }
                    if (message.asset != null && $Object.hasOwnProperty.call(message, "asset"))
                        object.asset = $root.nixops4.boot.v1.Asset.toObject(message.asset, options, _depth + 1);
                    if (message.storePath != null && $Object.hasOwnProperty.call(message, "storePath"))
                        object.storePath = message.storePath;
                    return object;
                };

                AssetSource.prototype.toJSON = function() {
                    return AssetSource.toObject(this, $protobuf.util.toJSONOptions);
                };

                return AssetSource;
            })();

            v1.FindMissingAssetsRequest = (function() {

                const FindMissingAssetsRequest = function (properties) {
                    this.assets = [];
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                FindMissingAssetsRequest.prototype.assets = $util.emptyArray;

                FindMissingAssetsRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.assets != null && message.assets.length)
                        for (let i = 0; i < message.assets.length; ++i)
                            $root.nixops4.boot.v1.AssetSource.encode(message.assets[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                FindMissingAssetsRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.FindMissingAssetsRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.assets && message.assets.length))
                                    message.assets = [];
                                message.assets.push($root.nixops4.boot.v1.AssetSource.decode(reader, reader.size(), $undefined, _depth + 1));
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                FindMissingAssetsRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.FindMissingAssetsRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.FindMissingAssetsRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.FindMissingAssetsRequest();
                    if (object.assets) {
                        if (!$Array.isArray(object.assets))
                            throw $TypeError(".nixops4.boot.v1.FindMissingAssetsRequest.assets: array expected");
                        message.assets = $Array(object.assets.length);
                        for (let i = 0; i < object.assets.length; ++i) {
                            if (!$util.isObject(object.assets[i]))
                                throw $TypeError(".nixops4.boot.v1.FindMissingAssetsRequest.assets: object expected");
                            message.assets[i] = $root.nixops4.boot.v1.AssetSource.fromObject(object.assets[i], _depth + 1);
                        }
                    }
                    return message;
                };

                FindMissingAssetsRequest.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.arrays || options.defaults)
                        object.assets = [];
                    if (message.assets && message.assets.length) {
                        object.assets = $Array(message.assets.length);
                        for (let j = 0; j < message.assets.length; ++j)
                            object.assets[j] = $root.nixops4.boot.v1.AssetSource.toObject(message.assets[j], options, _depth + 1);
                    }
                    return object;
                };

                FindMissingAssetsRequest.prototype.toJSON = function() {
                    return FindMissingAssetsRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return FindMissingAssetsRequest;
            })();

            v1.FindMissingAssetsResponse = (function() {

                const FindMissingAssetsResponse = function (properties) {
                    this.missing = [];
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                FindMissingAssetsResponse.prototype.missing = $util.emptyArray;

                FindMissingAssetsResponse.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.missing != null && message.missing.length)
                        for (let i = 0; i < message.missing.length; ++i)
                            $root.nixops4.boot.v1.Asset.encode(message.missing[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                FindMissingAssetsResponse.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.FindMissingAssetsResponse();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.missing && message.missing.length))
                                    message.missing = [];
                                message.missing.push($root.nixops4.boot.v1.Asset.decode(reader, reader.size(), $undefined, _depth + 1));
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                FindMissingAssetsResponse.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.FindMissingAssetsResponse)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.FindMissingAssetsResponse: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.FindMissingAssetsResponse();
                    if (object.missing) {
                        if (!$Array.isArray(object.missing))
                            throw $TypeError(".nixops4.boot.v1.FindMissingAssetsResponse.missing: array expected");
                        message.missing = $Array(object.missing.length);
                        for (let i = 0; i < object.missing.length; ++i) {
                            if (!$util.isObject(object.missing[i]))
                                throw $TypeError(".nixops4.boot.v1.FindMissingAssetsResponse.missing: object expected");
                            message.missing[i] = $root.nixops4.boot.v1.Asset.fromObject(object.missing[i], _depth + 1);
                        }
                    }
                    return message;
                };

                FindMissingAssetsResponse.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.arrays || options.defaults)
                        object.missing = [];
                    if (message.missing && message.missing.length) {
                        object.missing = $Array(message.missing.length);
                        for (let j = 0; j < message.missing.length; ++j)
                            object.missing[j] = $root.nixops4.boot.v1.Asset.toObject(message.missing[j], options, _depth + 1);
                    }
                    return object;
                };

                FindMissingAssetsResponse.prototype.toJSON = function() {
                    return FindMissingAssetsResponse.toObject(this, $protobuf.util.toJSONOptions);
                };

                return FindMissingAssetsResponse;
            })();

            v1.UploadAssetRequest = (function() {

                const UploadAssetRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                UploadAssetRequest.prototype.asset = null;
                UploadAssetRequest.prototype.data = null;

                let $oneOfFields;

                $Object.defineProperty(UploadAssetRequest.prototype, "part", {
                    get: $util.oneOfGetter($oneOfFields = ["asset", "data"]),
                    set: $util.oneOfSetter($oneOfFields)
                });

                UploadAssetRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.asset != null && $Object.hasOwnProperty.call(message, "asset"))
                        $root.nixops4.boot.v1.Asset.encode(message.asset, writer.uint32(10).fork(), _depth + 1).ldelim();
                    if (message.data != null && $Object.hasOwnProperty.call(message, "data"))
                        writer.uint32(18).bytes(message.data);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                UploadAssetRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.UploadAssetRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.asset = $root.nixops4.boot.v1.Asset.decode(reader, reader.size(), $undefined, _depth + 1, message.asset);
                                message.part = "asset";
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                message.data = reader.bytes();
                                message.part = "data";
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                UploadAssetRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.UploadAssetRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.UploadAssetRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.UploadAssetRequest();
                    if (object.asset != null) {
                        if (!$util.isObject(object.asset))
                            throw $TypeError(".nixops4.boot.v1.UploadAssetRequest.asset: object expected");
                        message.asset = $root.nixops4.boot.v1.Asset.fromObject(object.asset, _depth + 1);
                    }
                    if (object.data != null)
                        if (typeof object.data === "string")
                            $util.base64.decode(object.data, message.data = $util.newBuffer($util.base64.length(object.data)), 0);
                        else if (object.data.length >= 0)
                            message.data = object.data;
                    return message;
                };

                UploadAssetRequest.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (message.asset != null && $Object.hasOwnProperty.call(message, "asset")) {
                        object.asset = $root.nixops4.boot.v1.Asset.toObject(message.asset, options, _depth + 1);
                        if (options.oneofs)
                            object.part = "asset";
                    }
                    if (message.data != null && $Object.hasOwnProperty.call(message, "data")) {
                        object.data = options.bytes === $String ? $util.base64.encode(message.data, 0, message.data.length) : options.bytes === $Array ? $Array.prototype.slice.call(message.data) : message.data;
                        if (options.oneofs)
                            object.part = "data";
                    }
                    return object;
                };

                UploadAssetRequest.prototype.toJSON = function() {
                    return UploadAssetRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return UploadAssetRequest;
            })();

            v1.UploadAssetResponse = (function() {

                const UploadAssetResponse = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                UploadAssetResponse.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                UploadAssetResponse.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.UploadAssetResponse();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        reader.skipType(tag & 7, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                UploadAssetResponse.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.UploadAssetResponse)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.UploadAssetResponse: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    return new $root.nixops4.boot.v1.UploadAssetResponse();
                };

                UploadAssetResponse.toObject = function () {
                    return {};
                };

                UploadAssetResponse.prototype.toJSON = function() {
                    return UploadAssetResponse.toObject(this, $protobuf.util.toJSONOptions);
                };

                return UploadAssetResponse;
            })();

            v1.WatchEventsRequest = (function() {

                const WatchEventsRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                WatchEventsRequest.prototype.entryId = "";
                WatchEventsRequest.prototype.afterCursor = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                WatchEventsRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.entryId != null && $Object.hasOwnProperty.call(message, "entryId") && message.entryId !== "")
                        writer.uint32(10).string(message.entryId);
                    if (message.afterCursor != null && $Object.hasOwnProperty.call(message, "afterCursor") && (typeof message.afterCursor === "object" ? message.afterCursor.low || message.afterCursor.high : message.afterCursor !== 0))
                        writer.uint32(16).uint64(message.afterCursor);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                WatchEventsRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.WatchEventsRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.entryId = value;
                                else
                                    delete message.entryId;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.afterCursor = value;
                                else
                                    delete message.afterCursor;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                WatchEventsRequest.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.WatchEventsRequest)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.WatchEventsRequest: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.WatchEventsRequest();
                    if (object.entryId != null)
                        if (typeof object.entryId !== "string" || object.entryId.length)
                            message.entryId = $String(object.entryId);
                    if (object.afterCursor != null)
                        if (typeof object.afterCursor === "object" ? object.afterCursor.low || object.afterCursor.high : $Number(object.afterCursor) !== 0)
                            if ($util.Long)
                                message.afterCursor = $util.Long.fromValue(object.afterCursor, true);
                            else if (typeof object.afterCursor === "string")
                                message.afterCursor = $parseInt(object.afterCursor, 10);
                            else if (typeof object.afterCursor === "number")
                                message.afterCursor = object.afterCursor;
                            else if (typeof object.afterCursor === "object")
                                message.afterCursor = new $util.LongBits(object.afterCursor.low >>> 0, object.afterCursor.high >>> 0).toNumber(true);
                    return message;
                };

                WatchEventsRequest.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.entryId = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.afterCursor = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.afterCursor = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.entryId != null && $Object.hasOwnProperty.call(message, "entryId"))
                        object.entryId = message.entryId;
                    if (message.afterCursor != null && $Object.hasOwnProperty.call(message, "afterCursor"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.afterCursor = typeof message.afterCursor === "number" ? $BigInt(message.afterCursor) : $util.Long.fromBits(message.afterCursor.low >>> 0, message.afterCursor.high >>> 0, true).toBigInt();
                        else if (typeof message.afterCursor === "number")
                            object.afterCursor = options.longs === $String ? $String(message.afterCursor) : message.afterCursor;
                        else
                            object.afterCursor = options.longs === $String ? $util.Long.prototype.toString.call(message.afterCursor) : options.longs === $Number ? new $util.LongBits(message.afterCursor.low >>> 0, message.afterCursor.high >>> 0).toNumber(true) : message.afterCursor;
                    return object;
                };

                WatchEventsRequest.prototype.toJSON = function() {
                    return WatchEventsRequest.toObject(this, $protobuf.util.toJSONOptions);
                };

                return WatchEventsRequest;
            })();

            v1.Event = (function() {

                const Event = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Event.prototype.cursor = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
                Event.prototype.entryId = "";
                Event.prototype.at = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
                Event.prototype.step = null;
                Event.prototype.download = null;

                let $oneOfFields;

                $Object.defineProperty(Event.prototype, "happening", {
                    get: $util.oneOfGetter($oneOfFields = ["step", "download"]),
                    set: $util.oneOfSetter($oneOfFields)
                });

                Event.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor") && (typeof message.cursor === "object" ? message.cursor.low || message.cursor.high : message.cursor !== 0))
                        writer.uint32(8).uint64(message.cursor);
                    if (message.entryId != null && $Object.hasOwnProperty.call(message, "entryId") && message.entryId !== "")
                        writer.uint32(18).string(message.entryId);
                    if (message.at != null && $Object.hasOwnProperty.call(message, "at") && (typeof message.at === "object" ? message.at.low || message.at.high : message.at !== 0))
                        writer.uint32(24).uint64(message.at);
                    if (message.step != null && $Object.hasOwnProperty.call(message, "step"))
                        $root.nixops4.boot.v1.Step.encode(message.step, writer.uint32(34).fork(), _depth + 1).ldelim();
                    if (message.download != null && $Object.hasOwnProperty.call(message, "download"))
                        $root.nixops4.boot.v1.Download.encode(message.download, writer.uint32(42).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Event.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Event();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.cursor = value;
                                else
                                    delete message.cursor;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.entryId = value;
                                else
                                    delete message.entryId;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.at = value;
                                else
                                    delete message.at;
                                continue;
                            }
                        case 4: {
                                if (wireType !== 2)
                                    break;
                                message.step = $root.nixops4.boot.v1.Step.decode(reader, reader.size(), $undefined, _depth + 1, message.step);
                                message.happening = "step";
                                continue;
                            }
                        case 5: {
                                if (wireType !== 2)
                                    break;
                                message.download = $root.nixops4.boot.v1.Download.decode(reader, reader.size(), $undefined, _depth + 1, message.download);
                                message.happening = "download";
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Event.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Event)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Event: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Event();
                    if (object.cursor != null)
                        if (typeof object.cursor === "object" ? object.cursor.low || object.cursor.high : $Number(object.cursor) !== 0)
                            if ($util.Long)
                                message.cursor = $util.Long.fromValue(object.cursor, true);
                            else if (typeof object.cursor === "string")
                                message.cursor = $parseInt(object.cursor, 10);
                            else if (typeof object.cursor === "number")
                                message.cursor = object.cursor;
                            else if (typeof object.cursor === "object")
                                message.cursor = new $util.LongBits(object.cursor.low >>> 0, object.cursor.high >>> 0).toNumber(true);
                    if (object.entryId != null)
                        if (typeof object.entryId !== "string" || object.entryId.length)
                            message.entryId = $String(object.entryId);
                    if (object.at != null)
                        if (typeof object.at === "object" ? object.at.low || object.at.high : $Number(object.at) !== 0)
                            if ($util.Long)
                                message.at = $util.Long.fromValue(object.at, true);
                            else if (typeof object.at === "string")
                                message.at = $parseInt(object.at, 10);
                            else if (typeof object.at === "number")
                                message.at = object.at;
                            else if (typeof object.at === "object")
                                message.at = new $util.LongBits(object.at.low >>> 0, object.at.high >>> 0).toNumber(true);
                    if (object.step != null) {
                        if (!$util.isObject(object.step))
                            throw $TypeError(".nixops4.boot.v1.Event.step: object expected");
                        message.step = $root.nixops4.boot.v1.Step.fromObject(object.step, _depth + 1);
                    }
                    if (object.download != null) {
                        if (!$util.isObject(object.download))
                            throw $TypeError(".nixops4.boot.v1.Event.download: object expected");
                        message.download = $root.nixops4.boot.v1.Download.fromObject(object.download, _depth + 1);
                    }
                    return message;
                };

                Event.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.cursor = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.cursor = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                        object.entryId = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.at = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.at = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.cursor = typeof message.cursor === "number" ? $BigInt(message.cursor) : $util.Long.fromBits(message.cursor.low >>> 0, message.cursor.high >>> 0, true).toBigInt();
                        else if (typeof message.cursor === "number")
                            object.cursor = options.longs === $String ? $String(message.cursor) : message.cursor;
                        else
                            object.cursor = options.longs === $String ? $util.Long.prototype.toString.call(message.cursor) : options.longs === $Number ? new $util.LongBits(message.cursor.low >>> 0, message.cursor.high >>> 0).toNumber(true) : message.cursor;
                    if (message.entryId != null && $Object.hasOwnProperty.call(message, "entryId"))
                        object.entryId = message.entryId;
                    if (message.at != null && $Object.hasOwnProperty.call(message, "at"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.at = typeof message.at === "number" ? $BigInt(message.at) : $util.Long.fromBits(message.at.low >>> 0, message.at.high >>> 0, true).toBigInt();
                        else if (typeof message.at === "number")
                            object.at = options.longs === $String ? $String(message.at) : message.at;
                        else
                            object.at = options.longs === $String ? $util.Long.prototype.toString.call(message.at) : options.longs === $Number ? new $util.LongBits(message.at.low >>> 0, message.at.high >>> 0).toNumber(true) : message.at;
                    if (message.step != null && $Object.hasOwnProperty.call(message, "step")) {
                        object.step = $root.nixops4.boot.v1.Step.toObject(message.step, options, _depth + 1);
                        if (options.oneofs)
                            object.happening = "step";
                    }
                    if (message.download != null && $Object.hasOwnProperty.call(message, "download")) {
                        object.download = $root.nixops4.boot.v1.Download.toObject(message.download, options, _depth + 1);
                        if (options.oneofs)
                            object.happening = "download";
                    }
                    return object;
                };

                Event.prototype.toJSON = function() {
                    return Event.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Event;
            })();

            v1.Step = (function() {

                const Step = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Step.prototype.kind = "";
                Step.prototype.entry = null;

                Step.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== "")
                        writer.uint32(10).string(message.kind);
                    if (message.entry != null && $Object.hasOwnProperty.call(message, "entry"))
                        $root.nixops4.boot.v1.Entry.encode(message.entry, writer.uint32(18).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Step.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Step();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.kind = value;
                                else
                                    delete message.kind;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                message.entry = $root.nixops4.boot.v1.Entry.decode(reader, reader.size(), $undefined, _depth + 1, message.entry);
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Step.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Step)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Step: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Step();
                    if (object.kind != null)
                        if (typeof object.kind !== "string" || object.kind.length)
                            message.kind = $String(object.kind);
                    if (object.entry != null) {
                        if (!$util.isObject(object.entry))
                            throw $TypeError(".nixops4.boot.v1.Step.entry: object expected");
                        message.entry = $root.nixops4.boot.v1.Entry.fromObject(object.entry, _depth + 1);
                    }
                    return message;
                };

                Step.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.kind = "";
                        object.entry = null;
                    }
                    if (message.kind != null && $Object.hasOwnProperty.call(message, "kind"))
                        object.kind = message.kind;
                    if (message.entry != null && $Object.hasOwnProperty.call(message, "entry"))
                        object.entry = $root.nixops4.boot.v1.Entry.toObject(message.entry, options, _depth + 1);
                    return object;
                };

                Step.prototype.toJSON = function() {
                    return Step.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Step;
            })();

            v1.Download = (function() {

                const Download = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                Download.prototype.name = "";
                Download.prototype.sent = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
                Download.prototype.size = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

                Download.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                        writer.uint32(10).string(message.name);
                    if (message.sent != null && $Object.hasOwnProperty.call(message, "sent") && (typeof message.sent === "object" ? message.sent.low || message.sent.high : message.sent !== 0))
                        writer.uint32(16).uint64(message.sent);
                    if (message.size != null && $Object.hasOwnProperty.call(message, "size") && (typeof message.size === "object" ? message.size.low || message.size.high : message.size !== 0))
                        writer.uint32(24).uint64(message.size);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                Download.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.nixops4.boot.v1.Download();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.name = value;
                                else
                                    delete message.name;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.sent = value;
                                else
                                    delete message.sent;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                    message.size = value;
                                else
                                    delete message.size;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                Download.fromObject = function (object, _depth) {
                    if (object instanceof $root.nixops4.boot.v1.Download)
                        return object;
                    if (!$util.isObject(object))
                        throw $TypeError(".nixops4.boot.v1.Download: object expected");
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let message = new $root.nixops4.boot.v1.Download();
                    if (object.name != null)
                        if (typeof object.name !== "string" || object.name.length)
                            message.name = $String(object.name);
                    if (object.sent != null)
                        if (typeof object.sent === "object" ? object.sent.low || object.sent.high : $Number(object.sent) !== 0)
                            if ($util.Long)
                                message.sent = $util.Long.fromValue(object.sent, true);
                            else if (typeof object.sent === "string")
                                message.sent = $parseInt(object.sent, 10);
                            else if (typeof object.sent === "number")
                                message.sent = object.sent;
                            else if (typeof object.sent === "object")
                                message.sent = new $util.LongBits(object.sent.low >>> 0, object.sent.high >>> 0).toNumber(true);
                    if (object.size != null)
                        if (typeof object.size === "object" ? object.size.low || object.size.high : $Number(object.size) !== 0)
                            if ($util.Long)
                                message.size = $util.Long.fromValue(object.size, true);
                            else if (typeof object.size === "string")
                                message.size = $parseInt(object.size, 10);
                            else if (typeof object.size === "number")
                                message.size = object.size;
                            else if (typeof object.size === "object")
                                message.size = new $util.LongBits(object.size.low >>> 0, object.size.high >>> 0).toNumber(true);
                    return message;
                };

                Download.toObject = function (message, options, _depth) {
                    if (!options)
                        options = {};
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    let object = {};
                    if (options.defaults) {
                        object.name = "";
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.sent = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.sent = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                        if ($util.Long) {
                            let long = new $util.Long(0, 0, true);
                            object.size = options.longs === $String ? long.toString() : options.longs === $Number ? long.toNumber() : typeof $BigInt !== "undefined" && options.longs === $BigInt ? long.toBigInt() : long;
                        } else
                            object.size = options.longs === $String ? "0" : typeof $BigInt !== "undefined" && options.longs === $BigInt ? $BigInt("0") : 0;
                    }
                    if (message.name != null && $Object.hasOwnProperty.call(message, "name"))
                        object.name = message.name;
                    if (message.sent != null && $Object.hasOwnProperty.call(message, "sent"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.sent = typeof message.sent === "number" ? $BigInt(message.sent) : $util.Long.fromBits(message.sent.low >>> 0, message.sent.high >>> 0, true).toBigInt();
                        else if (typeof message.sent === "number")
                            object.sent = options.longs === $String ? $String(message.sent) : message.sent;
                        else
                            object.sent = options.longs === $String ? $util.Long.prototype.toString.call(message.sent) : options.longs === $Number ? new $util.LongBits(message.sent.low >>> 0, message.sent.high >>> 0).toNumber(true) : message.sent;
                    if (message.size != null && $Object.hasOwnProperty.call(message, "size"))
                        if (typeof $BigInt !== "undefined" && options.longs === $BigInt)
                            object.size = typeof message.size === "number" ? $BigInt(message.size) : $util.Long.fromBits(message.size.low >>> 0, message.size.high >>> 0, true).toBigInt();
                        else if (typeof message.size === "number")
                            object.size = options.longs === $String ? $String(message.size) : message.size;
                        else
                            object.size = options.longs === $String ? $util.Long.prototype.toString.call(message.size) : options.longs === $Number ? new $util.LongBits(message.size.low >>> 0, message.size.high >>> 0).toNumber(true) : message.size;
                    return object;
                };

                Download.prototype.toJSON = function() {
                    return Download.toObject(this, $protobuf.util.toJSONOptions);
                };

                return Download;
            })();

            return v1;
        })();

        return boot;
    })();

    return nixops4;
})();

export {
  $root as default
};
