"""Effects, designs and importances from the results table, and other tools' tables read as ours."""
