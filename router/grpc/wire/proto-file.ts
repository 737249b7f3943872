/**
 * Reads the .proto files of this folder: the part of the language that they use, which is messages, enums, maps with texts as keys,
 * `oneof`, `repeated`, `optional` and services of unary calls. A file is ours, so what it does not understand is a fault of ours.
 */
import { readFileSync } from 'node:fs'

export const SCALARS = ['double', 'float', 'int32', 'int64', 'uint32', 'uint64', 'bool', 'string'] as const
export type Scalar = (typeof SCALARS)[number]

/** Of a field; one that is `unsupported` is known, and refused by its name if it is set. */
export type Kind = Scalar | 'unsupported' | EnumType | MessageType

export interface EnumType {
  is: 'enum'
  name: string
  names: Map<number, string>
  numbers: Map<string, number>
}

export interface MessageType {
  is: 'message'
  name: string
  /** By number, in the order of the file. */
  fields: Map<number, Field>
  /** The same, the last one first: as a message is written. */
  backwards: readonly Field[]
}

export interface Field {
  name: string
  number: number
  kind: Kind
  repeated: boolean
  /** The message of an entry of a map, with the fields `key` and `value`. */
  entry?: MessageType
  /** The names of a `oneof`, its own among them: one may be set. */
  oneof?: readonly string[]
}

export interface Method {
  /** As HTTP/2 has it: `/package.Service/Method`. */
  path: string
  request: MessageType
  answer: MessageType
}

export interface ProtoFile {
  messages: Map<string, MessageType>
  methods: Method[]
}

/** The name of the type of fields that are refused. */
const UNSUPPORTED = 'Unsupported'

export function readProto(url: URL): ProtoFile {
  return parseProto(readFileSync(url, 'utf8'))
}

export function parseProto(text: string): ProtoFile {
  const tokens = text.replaceAll(/\/\/.*/g, '').match(/"[^"]*"|[\w.]+|[^\s\w]/g) ?? []
  return new ProtoParser(tokens).file()
}

class ProtoParser {
  readonly #tokens: readonly string[]
  readonly #messages = new Map<string, MessageType>()
  readonly #enums = new Map<string, EnumType>()
  readonly #methods: Method[] = []
  #package = ''
  #at = 0

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens
  }

  file(): ProtoFile {
    // A field may have a type that stands further down: first all names, then what they mean.
    this.#tokens.forEach((token, i) => {
      const name = this.#tokens[i + 1] as string
      if (this.#tokens[i + 2] !== '{') return
      if (token === 'message') this.#messages.set(name, { is: 'message', name, fields: new Map(), backwards: [] })
      if (token === 'enum') this.#enums.set(name, { is: 'enum', name, names: new Map(), numbers: new Map() })
    })
    while (this.#at < this.#tokens.length) this.#statement()
    return { messages: this.#messages, methods: this.#methods }
  }

  #statement(): void {
    const word = this.#next()
    if (word === 'syntax') this.#expect('=', '"proto3"', ';')
    else if (word === 'package') {
      this.#package = this.#next()
      this.#expect(';')
    } else if (word === 'message') this.#message()
    else if (word === 'enum') this.#enum()
    else if (word === 'service') this.#service()
    else throw this.#unknown(word)
  }

  #message(): void {
    const message = this.#messages.get(this.#next()) as MessageType
    const { fields } = message
    this.#block((word) => {
      if (word === 'oneof') this.#oneof(fields)
      else this.#field(word, fields)
    })
    message.backwards = [...fields.values()].reverse()
  }

  #oneof(fields: MessageType['fields']): void {
    this.#next()
    const names: string[] = []
    this.#block((type) => names.push(this.#field(type, fields, names)))
  }

  #field(first: string, fields: MessageType['fields'], oneof?: readonly string[]): string {
    const labelled = first === 'repeated' || first === 'optional'
    const type = labelled ? this.#next() : first
    const entry = type === 'map' ? this.#entry() : undefined
    const kind = entry ?? this.#kind(type)
    const name = this.#next()
    this.#expect('=')
    const number = Number(this.#next())
    this.#expect(';')
    const repeated = first === 'repeated'
    fields.set(number, { name, number, kind, repeated, ...(entry ? { entry } : {}), ...(oneof ? { oneof } : {}) })
    return name
  }

  #entry(): MessageType {
    this.#expect('<', 'string', ',')
    const kind = this.#kind(this.#next())
    this.#expect('>')
    const key: Field = { name: 'key', number: 1, kind: 'string', repeated: false }
    const value: Field = { name: 'value', number: 2, kind, repeated: false }
    const fields = new Map([key, value].map((field) => [field.number, field]))
    return { is: 'message', name: 'entry', fields, backwards: [value, key] }
  }

  #kind(type: string): Kind {
    if (type === UNSUPPORTED) return 'unsupported'
    const kind = SCALARS.find((scalar) => scalar === type) ?? this.#enums.get(type) ?? this.#messages.get(type)
    if (kind === undefined) throw this.#unknown(type)
    return kind
  }

  #enum(): void {
    const { names, numbers } = this.#enums.get(this.#next()) as EnumType
    this.#block((name) => {
      this.#expect('=')
      const number = Number(this.#next())
      this.#expect(';')
      names.set(number, name)
      numbers.set(name, number)
    })
  }

  #service(): void {
    const service = this.#next()
    this.#block((word) => {
      if (word !== 'rpc') throw this.#unknown(word)
      const name = this.#next()
      const request = this.#inBrackets()
      this.#expect('returns')
      const answer = this.#inBrackets()
      this.#expect(';')
      this.#methods.push({ path: `/${this.#package}.${service}/${name}`, request, answer })
    })
  }

  #inBrackets(): MessageType {
    this.#expect('(')
    const type = this.#kind(this.#next()) as MessageType
    this.#expect(')')
    return type
  }

  #block(each: (word: string) => void): void {
    this.#expect('{')
    for (let word = this.#next(); word !== '}'; word = this.#next()) each(word)
  }

  #next(): string {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new Error('the .proto file ends within a block')
    return token
  }

  #expect(...tokens: string[]): void {
    for (const token of tokens) {
      const next = this.#next()
      if (next !== token) throw this.#unknown(next)
    }
  }

  #unknown(token: string): Error {
    return new Error(`the .proto file has "${token}", which is not understood there`)
  }
}
