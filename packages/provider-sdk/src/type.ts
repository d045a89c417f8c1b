import {
  Array,
  Boolean,
  Enum,
  Integer,
  Null,
  Number,
  Object,
  Optional,
  Record,
  String,
  Union,
  Unknown,
} from "typebox/type";

/** The schema constructors that resource types use; the bundle holds these and no other part of TypeBox. */
export const Type = {
  Array,
  Boolean,
  Enum,
  Integer,
  Null,
  Number,
  Object,
  Optional,
  Record,
  String,
  Union,
  Unknown,
};
