import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../runtime/until.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { TestRedis } from '../support/redis.ts'

describe('a link to Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await TestRedis.start()
  })
  afterAll(() => redis.close())

  const connections = async () =>
    String(await redis.client.client('LIST'))
      .trim()
      .split('\n').length

  it('that is dropped while it connects leaves no connection open, and refuses its work as not executed', async () => {
    const link = new RedisLink(redis.url)
    const before = await connections()
    const work = link.use((client) => client.ping())
    link.drop()
    await expect(work).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', details: { notExecuted: true } })
    await until('the connection to be closed', async () => (await connections()) === before)
  })

  it('connects again when it is used after it was dropped', async () => {
    const link = new RedisLink(redis.url)
    expect(await link.use((client) => client.ping())).toBe('PONG')
    link.drop()
    expect(await link.use((client) => client.ping())).toBe('PONG')
    link.drop()
  })

  it('does not use a connection again whose work has failed with it', async () => {
    const link = new RedisLink(redis.url)
    const first = await link.get()
    await expect(
      link.use((client) => {
        client.disconnect()
        return client.ping()
      }),
    ).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' })
    expect(await link.use((client) => client.ping())).toBe('PONG')
    expect(await link.get()).not.toBe(first)
    link.drop()
  })
})
