"""Writes the files of this folder: `pip install numpy pandas polars pyarrow fastparquet; python make.py`.

Row i of every file that is to be read has the vector [i, i / 2, -i / 4, 1 + i / 8], which every number type of at least
16 bits that is not an integer holds exactly; integer files have [i, 2 i, 3 i, 4 i].
"""
import json
import os

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

os.chdir(os.path.dirname(os.path.abspath(__file__)))
ROWS = 10
floats = [[float(i), i / 2, -i / 4, 1 + i / 8] for i in range(ROWS)]
integers = [[i, 2 * i, 3 * i, 4 * i] for i in range(ROWS)]
titles = [f'título {i}\u2028"a, b"\n' for i in range(ROWS)]

# numpy
for name in ['f2', 'f4', 'f8', '>f2', '>f4', '>f8']:
    np.save(f"numpy-{name.replace('>', 'big-')}.npy", np.array(floats, dtype=name))
for name in ['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', '>i2', '>i4', '>i8']:
    np.save(f"numpy-{name.replace('>', 'big-')}.npy", np.array(integers, dtype=name))
with open('numpy-version-2.npy', 'wb') as file:
    np.lib.format.write_array(file, np.array(floats, dtype='f4'), version=(2, 0))
np.save('refused-one-dimension.npy', np.array(floats[0], dtype='f4'))
np.save('refused-three-dimensions.npy', np.zeros((2, 2, 2), dtype='f4'))
np.save('refused-complex.npy', np.array(floats, dtype='c8'))
np.save('refused-fortran.npy', np.asfortranarray(np.array(floats, dtype='f4')))
np.save('refused-structured.npy', np.zeros(3, dtype=[('a', 'f4'), ('b', 'f4')]))
np.save('refused-not-a-number.npy', np.array([floats[1], [1, np.nan, 0, 0]], dtype='f4'))
whole = open('numpy-f4.npy', 'rb').read()
open('refused-cut.npy', 'wb').write(whole[:-3])
open('refused-six-bytes.npy', 'wb').write(whole[:6])
open('refused-longer.npy', 'wb').write(whole + b'\0')

# .fvecs, as the tools of the trade write it
rows = b''.join(np.int32(4).tobytes() + np.array(row, dtype='f4').tobytes() for row in floats)
open('numpy.fvecs', 'wb').write(rows)
open('refused-row-7.fvecs', 'wb').write(rows[: 7 * 20] + np.int32(5).tobytes() + rows[7 * 20 + 4 :])
open('refused-cut.fvecs', 'wb').write(rows[:-1])

# pandas
frame = pd.DataFrame({'id': [f'{i:03}' for i in range(ROWS)], 'vector': floats, 'title': titles})
text = frame.assign(vector=frame['vector'].map(json.dumps))
text.to_csv('pandas.csv', index=False)
text.to_csv('pandas-bom-crlf.csv', index=False, encoding='utf-8-sig', lineterminator='\r\n')
text.drop(columns='id').to_csv('pandas-without-ids.csv', index=False)
text.assign(vector=[str(np.array(row)) for row in floats]).to_csv('refused-numpy-text.csv', index=False)
text.drop(columns='vector').to_csv('refused-no-vector.csv', index=False)
text.to_csv('refused-latin-1.csv', index=False, encoding='utf-16')
open('refused-short-record.csv', 'w').write('id,vector,title\n1,"[1,2,3,4]",a\n2,"[1,2,3,4]"\n')
open('refused-open-quote.csv', 'w').write('id,vector\n1,"[1,2,3,4]"\n2,"[1,2\n')
frame.to_json('pandas.jsonl', orient='records', lines=True)
for codec in ['snappy', 'gzip', 'brotli', 'lz4', 'zstd', None]:
    frame.to_parquet(f"pandas-{codec or 'plain'}.parquet", compression=codec)
frame.assign(vector=frame['vector'].map(json.dumps)).to_parquet('refused-vector-text.parquet', engine='fastparquet')

# polars, whose default codec is zstd
table = pl.DataFrame({'id': [f'{i:03}' for i in range(ROWS)], 'vector': floats, 'title': titles})
table.write_parquet('polars-lists.parquet')
table.with_columns(pl.col('vector').cast(pl.Array(pl.Float32, 4))).write_parquet('polars-arrays.parquet')
for codec in ['lz4', 'gzip', 'brotli', 'snappy', 'uncompressed']:
    table.write_parquet(f'polars-{codec}.parquet', compression=codec)
table.write_ndjson('polars.ndjson')

# pyarrow: types of columns
columns = {
    'id': pa.array([2**64 - 1 - i for i in range(ROWS)], pa.uint64()),
    'vector': pa.array(floats, pa.list_(pa.float32(), 4)),
    'small': pa.array(range(ROWS), pa.int8()),
    'large': pa.array([2**60 + i for i in range(ROWS)], pa.int64()),
    'none': pa.array([None] * ROWS, pa.string()),
    'kind': pa.array(['a', 'b'] * (ROWS // 2)).dictionary_encode(),
    'long': pa.array(titles, pa.large_string()),
    'at': pa.array([1_700_000_000_123_456_789 + i for i in range(ROWS)], pa.timestamp('ns', 'UTC')),
    'before': pa.array([-1 - i for i in range(ROWS)], pa.timestamp('us', 'UTC')),
    'nested': pa.array([{'tags': ['x', None], 'deep': {'n': i}} for i in range(ROWS)]),
}
pq.write_table(pa.table(columns), 'pyarrow-types.parquet', data_page_version='2.0', compression='zstd')
pq.write_table(
    pa.table({'vector': pa.array(floats, pa.list_(pa.float16())), 'payload': pa.array([{'n': i} for i in range(ROWS)])}),
    'pyarrow-half-payload.parquet',
)
plain = {'vector': columns['vector']}
pq.write_table(pa.table({**plain, 'raw': pa.array([b'\xff\xfe'] * ROWS)}), 'refused-bytes.parquet')
pq.write_table(pa.table({**plain, 'x': pa.array([1.0] * 9 + [float('nan')])}), 'refused-nan.parquet')
pq.write_table(pa.table({'vector': pa.array(floats[:4] + [None] * 6, pa.list_(pa.float32()))}), 'refused-null-vector.parquet')
pq.write_table(pa.table({'embedding': columns['vector']}), 'refused-no-vector.parquet')
whole = open('polars-lists.parquet', 'rb').read()
open('refused-cut.parquet', 'wb').write(whole[:-10])
middle = len(whole) // 4
open('refused-damaged.parquet', 'wb').write(whole[:middle] + bytes(64) + whole[middle + 64 :])
